// The frame around the views: title, tabs, theme, and looking for a newer page.

const VIEWS = [
  { name: "table", title: "Runs", make: tableView },
  { name: "curves", title: "Curves", make: curvesView },
  { name: "settings", title: "Settings", make: parallelView },
  { name: "grid", title: "Grid and best", make: gridView },
  { name: "images", title: "Images", make: imagesView },
];

function go(view) {
  state.view = view;
  remember();
  if (location.hash === `#${view}`) render();
  else location.hash = `#${view}`;
}

function render() {
  document.getElementById("top").replaceChildren(...header());
  const content = document.getElementById("content");
  const run = state.run && RUN_BY_ID.get(state.run);
  const made = run ? runView(run) : RUNS.length ? VIEWS.find((view) => view.name === state.view).make()
    : element("p", { class: "note" }, "No run yet.");
  content.replaceChildren(made);
}

function header() {
  const theme = button(isDark() ? "light" : "dark", toggleTheme, { title: "light or dark (t)", class: "theme" });
  const written = element("span", { class: "note written" }, `written ${DATA.written}${DATA.refresh ? ", kept up to date" : ""}`);
  const title = element("div", { class: "line" }, element("span", { class: "brand" }, DATA.title), written, theme);
  if (DATA.single) return [title];
  const tabs = VIEWS.map((view) => button(view.title, () => go(view.name), {
    "aria-current": !state.run && state.view === view.name ? "page" : null, "data-view": view.name,
  }));
  const metric = METRICS.length ? choice("Metric", METRICS.map((key) => [key, nameOf(key)]), state.metric, (value) => { state.metric = value; remember(); render(); }) : null;
  return [title, element("nav", { "aria-label": "views" }, ...tabs, metric)];
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
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // The system's.
  }
}

// A page that is kept up to date loads itself again, unless the user is in the middle of something.
function lookForNewer() {
  let busy = false;
  addEventListener("pointerdown", () => { busy = true; });
  addEventListener("pointerup", () => { busy = false; });
  setInterval(async () => {
    if (busy || document.hidden || document.activeElement?.matches("input[type=search], select")) return;
    if (location.protocol.startsWith("http")) {
      const answer = await fetch(location.pathname, { method: "HEAD" }).catch(() => null);
      const newest = answer && Date.parse(answer.headers.get("Last-Modified"));
      if (!newest || newest / 1000 < DATA.stamp + 1) return;
    }
    location.reload();
  }, DATA.refresh * 1000);
}

recallTheme();
setUp();
movePlace(1, 0, 0);
setCut(0.5);
render();
addEventListener("hashchange", () => {
  const before = state.run;
  readAddress();
  remember();
  render();
  if (before !== state.run) scrollTo(0, 0);
});
addEventListener("keydown", (event) => {
  if (event.key === "t" && !event.ctrlKey && !event.metaKey && !event.target.matches("input, select, textarea")) toggleTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
if (DATA.refresh) lookForNewer();
requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.ready = Math.round(performance.now()); }));
