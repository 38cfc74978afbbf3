// The table of all runs, and what is said of a status.

const TABLE_METRICS = ["psnr", "psnr_average", "psnr_best", "psnr_y_average", "ssim_average", "seconds"];

function columns() {
  const facts = ["status", ...["task", "image"].filter((key) => new Set(RUNS.map((run) => valueOf(run, key))).size > 1)];
  const groups = new Set(RUNS.map((run) => run.group)).size > 1 ? ["group"] : [];
  const metrics = TABLE_METRICS.filter((key) => METRICS.includes(key));
  if (!metrics.includes(state.metric)) metrics.push(state.metric);
  if (!METRICS.includes("psnr") && METRICS.includes("loss")) metrics.push("loss");
  // On a phone, what counts comes first; the rest is reached by scrolling.
  const first = matchMedia("(max-width: 640px)").matches ? [state.metric] : [];
  return [...new Set([...first, ...groups, ...facts, ...DATA.swept, ...metrics])];
}

function tableView() {
  const keys = columns();
  const head = element("tr", {}, element("th", { class: "mark" }, selectAll()), element("th", {}, "run"), ...keys.map(headCell));
  const body = element("tbody");
  const table = element("table", { class: "runs" }, element("thead", {}, head), body);
  const count = element("p", { class: "note", role: "status" });
  const filter = element("input", {
    type: "search", id: "filter", value: state.filter, placeholder: "filter: text, lr=0.01, psnr>30, status=failed",
    "aria-label": "filter runs", oninput: () => { state.filter = filter.value; remember(); fill(); },
  });
  const fill = () => {
    const shown = shownRuns();
    body.replaceChildren(...shown.map((run) => tableRow(run, keys)));
    count.replaceChildren(countText(shown), ...brushChips());
  };
  fill();
  return element("section", {}, element("div", { class: "controls" }, filter), count, element("div", { class: "scroll" }, table));
}

function countText(shown) {
  const statuses = {};
  for (const run of shown) statuses[run.status] = (statuses[run.status] || 0) + 1;
  const parts = Object.entries(statuses).map(([status, n]) => `${n} ${status}`);
  return `${shown.length} of ${RUNS.length} runs${parts.length ? ` (${parts.join(", ")})` : ""}, ${state.selected.length} selected. `;
}

function brushChips() {
  return Object.keys(state.brush).map((key) =>
    button(`${key} limited ×`, () => { delete state.brush[key]; remember(); render(); }, { class: "chip" }));
}

function headCell(key) {
  const sorted = state.sort === key;
  const sort = () => {
    state.down = sorted ? !state.down : METRICS.includes(key) && !SMALLER_IS_BETTER.has(key);
    state.sort = key;
    remember();
    render();
    document.querySelector(`th[data-key="${CSS.escape(key)}"] button`).focus();
  };
  const arrow = sorted ? (state.down ? " ▼" : " ▲") : "";
  return element("th", { "data-key": key, class: isNumeric(key) ? "number" : "", "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none", scope: "col" },
    button(nameOf(key) + arrow, sort));
}

function isNumeric(key) { return RUNS.some((run) => isNumber(valueOf(run, key))); }

function selectAll() {
  const shown = shownRuns();
  const all = shown.length > 0 && shown.every((run) => state.selected.includes(run.id));
  const box = element("input", {
    type: "checkbox", checked: all, "aria-label": "select all shown runs",
    onchange: () => { shownRuns().forEach((run) => toggleSelected(run, box.checked)); render(); },
  });
  return box;
}

function tableRow(run, keys) {
  const box = element("input", {
    type: "checkbox", checked: state.selected.includes(run.id), "aria-label": `select ${run.id}`,
    onchange: () => { toggleSelected(run, box.checked); row.classList.toggle("selected", box.checked); document.dispatchEvent(new Event("selected")); },
  });
  const row = element("tr", { class: box.checked ? "selected" : "", "data-run": run.id },
    element("td", { class: "mark" }, box),
    element("td", { class: "name" }, element("a", { href: addressOf(run), title: run.id, "aria-label": run.id }, thumbnail(run), element("span", {}, shortName(run)))),
    ...keys.map((key) => tableCell(run, key)));
  return row;
}

function shortName(run) { return run.id.split("/").pop(); }

function thumbnail(run) {
  const source = run.previews.restored || run.previews.observed;
  if (!source) return element("span", { class: "thumb none" });
  return element("img", { class: "thumb", src: source, alt: "", loading: "lazy", decoding: "async" });
}

function tableCell(run, key) {
  const value = valueOf(run, key);
  if (key === "status") return element("td", {}, statusBadge(run));
  const number = isNumber(value);
  return element("td", { class: number || isNumeric(key) ? "number" : "", title: number ? String(value) : null }, format(value, key));
}

function statusBadge(run) {
  const reason = run.metrics.error || "";
  return element("span", { class: `status ${run.status}`, title: reason }, run.status);
}
