// The frame around the views: title, tabs, theme, and data that come while the page is open.

let current = null; // the view that is shown

function go(view) {
  Object.assign(state, { view, run: null, zoom: [] });
  history.pushState(null, "", `#${view}`);
  remember();
  render();
}

// Makes the view anew; what has the focus keeps it.
function render() {
  keepFocus(make);
}

function make() {
  tell({});
  axisCache = new Map();
  const run = state.run && RUN_BY_ID.get(state.run),
    view = VIEWS.find((v) => v.name === state.view);
  current = run
    ? runView(run, current?.run?.id === run.id ? current : null)
    : RUNS.length
      ? view.make()
      : {
          node: element(
            "p",
            { class: "note" },
            DATA.queued.length ? `No run yet, ${DATA.queued.length} queued.` : "No run yet.",
          ),
        };
  const heading = run || !view ? null : element("h1", {}, view.title);
  document.getElementById("content").replaceChildren(...[heading, current.node].filter(Boolean));
  dropCharts();
  document.title = `${run ? current.title : view ? view.title : ""} – ${DATA.title} – dip_lightning`;
  frame();
}

// Title, tabs and the metric; what is there already only changes its text.
function frame() {
  const top = document.getElementById("top");
  if (!top.children.length) top.append(...header());
  sayWritten(DATA.refresh ? ", kept up to date" : "");
  document.querySelector(".theme").textContent = isDark() ? "light" : "dark";
  for (const tab of top.querySelectorAll("[data-view]")) {
    if (!state.run && tab.dataset.view === state.view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const select = top.querySelector("select");
  if (select && select.options.length !== METRICS.length)
    select.replaceChildren(...METRICS.map((key) => element("option", { value: key }, nameOf(key))));
  if (select) select.value = metricKey();
}

function sayWritten(more) {
  document.getElementById("written").textContent = `written ${DATA.written}${more}`;
}

function header() {
  const theme = button("", toggleTheme, { title: "light or dark (t)", class: "theme" });
  const title = element(
    "div",
    { class: "line" },
    element("span", { class: "brand" }, DATA.title),
    element("span", { class: "note", id: "written" }),
    theme,
  );
  if (DATA.single) return [title];
  const tabs = VIEWS.map((view) => button(view.title, () => go(view.name), { "data-view": view.name }));
  return [
    title,
    element(
      "nav",
      { "aria-label": "views" },
      ...tabs,
      choice("Metric", [], null, (value) => {
        state.metric = value;
        remember();
        render();
      }),
    ),
  ];
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("dip_lightning theme", document.documentElement.dataset.theme);
  } catch {
    // Not kept.
  }
  render();
}

function recallTheme() {
  try {
    const chosen = localStorage.getItem("dip_lightning theme");
    if (["light", "dark"].includes(chosen)) document.documentElement.dataset.theme = chosen;
  } catch {
    // The system's.
  }
}

// Puts newer data under the view that is shown: focus, scroll, zoom, filter and what is open stay.
function renew(data) {
  const keys = JSON.stringify([SWEPT, METRICS, PROBLEM]),
    places = [...document.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]),
    y = scrollY;
  take(data);
  repair();
  axisCache = new Map();
  // A run that is as it was stays as it is, with its slider and all that is open.
  if (current.run && current.run === RUN_BY_ID.get(state.run) && !current.run.live) frame();
  else if (current.update && JSON.stringify([SWEPT, METRICS, PROBLEM]) === keys) {
    frame();
    current.update();
  } else render();
  document.querySelectorAll(".scroll").forEach((box, i) => {
    if (places[i]) [box.scrollLeft, box.scrollTop] = places[i];
  });
  scrollTo(scrollX, y);
}

// A page from a server reads its own newer self; one from a file can only load itself again, which the
// address survives.
function lookForNewer() {
  let busy = false,
    seen = null;
  addEventListener("pointerdown", () => {
    busy = true;
  });
  for (const end of ["pointerup", "pointercancel"])
    addEventListener(end, () => {
      busy = false;
    });
  const timer = setInterval(async () => {
    if (busy || document.hidden) return;
    if (!location.protocol.startsWith("http")) {
      if (!document.activeElement?.matches("input, select")) location.reload();
      return;
    }
    const head = await fetch(location.pathname, { method: "HEAD", cache: "no-cache" }).catch(() => null),
      stamp = head?.ok && (head.headers.get("ETag") || head.headers.get("Last-Modified"));
    sayWritten(stamp ? ", kept up to date" : ", no answer since");
    if (!stamp || stamp === seen) return;
    const text = await fetch(location.pathname, { cache: "no-cache" })
      .then((answer) => answer.text())
      .catch(() => "");
    const found = new DOMParser().parseFromString(text, "text/html").getElementById("data");
    if (!found) return;
    seen = stamp;
    const data = JSON.parse(found.textContent);
    if (data.stamp !== DATA.stamp || data.refresh !== DATA.refresh) renew(data);
    if (!data.refresh) clearInterval(timer);
  }, DATA.refresh * 1000);
}

take(JSON.parse(document.getElementById("data").textContent));
recallTheme();
readAddress();
movePlace(1, 0, 0);
setCut(0.5);
render();
remember();
addEventListener("popstate", () => {
  const before = state.run;
  readAddress();
  remember();
  render();
  if (before === state.run) return;
  scrollTo(0, 0);
  document.getElementById("content").focus({ preventScroll: true });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
addEventListener("keydown", (event) => {
  if (event.key === "t" && !event.ctrlKey && !event.metaKey && !event.target.matches("input, select, textarea"))
    toggleTheme();
  if (event.key === "Escape") tell({});
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
if (DATA.refresh) lookForNewer();
requestAnimationFrame(() =>
  setTimeout(() => {
    document.documentElement.dataset.ready = Math.round(performance.now());
  }),
);
