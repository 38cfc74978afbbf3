// Two settings against the metric as a heat map, and the best setting of each image.

function gridView() {
  const keys = DATA.swept.filter((key) => key !== "image" || DATA.swept.length < 3);
  const view = element("section");
  if (keys.length >= 2) {
    if (!keys.includes(state.gridX)) state.gridX = keys[0];
    if (!keys.includes(state.gridY) || state.gridY === state.gridX) state.gridY = keys.find((key) => key !== state.gridX);
    const set = (key) => (value) => { state[key] = value; remember(); render(); };
    view.append(element("div", { class: "controls" },
      choice("Columns", keys.map((k) => [k, k]), state.gridX, set("gridX")),
      choice("rows", keys.map((k) => [k, k]), state.gridY, set("gridY"))), heatMap(state.gridX, state.gridY));
  } else view.append(element("p", { class: "note" }, "A heat map needs two swept settings."));
  view.append(bestTable());
  return view;
}

function heatMap(xKey, yKey) {
  const runs = shownRuns().filter((run) => isNumber(valueOf(run, state.metric)));
  const [xs, ys] = [xKey, yKey].map((key) => distinctValues(runs, key));
  const cells = new Map();
  for (const run of runs) {
    const at = `${format(valueOf(run, xKey))}\n${format(valueOf(run, yKey))}`;
    cells.set(at, [...(cells.get(at) || []), run]);
  }
  const mean = (list) => list.reduce((sum, run) => sum + valueOf(run, state.metric), 0) / list.length;
  const limits = extent([...cells.values()].map(mean));
  if (!limits) return element("p", { class: "note" }, `No run has ${nameOf(state.metric)}.`);
  const rows = [...ys].reverse().map((y) => element("tr", {}, element("th", { scope: "row" }, y), ...xs.map((x) => {
    const list = cells.get(`${x}\n${y}`);
    if (!list) return element("td", {});
    const value = mean(list), share = limits[0] < limits[1] ? (value - limits[0]) / (limits[1] - limits[0]) : 0.5;
    return element("td", { style: `background:${scaleColour(share)}` }, heatButton(list, value, share, `${xKey}=${x}, ${yKey}=${y}`));
  })));
  const head = element("tr", {}, element("th", { class: "corner" }, `${yKey} ↓  ${xKey} →`), ...xs.map((x) => element("th", { scope: "col" }, x)));
  const map = element("table", { class: "heat" }, element("thead", {}, head), element("tbody", {}, ...rows));
  const note = element("p", { class: "note" }, `${nameOf(state.metric)}; the mean where a cell holds several runs (all shown in the table). A click selects them.`);
  return element("div", {}, note, element("div", { class: "scroll" }, map), colourBar(state.metric, limits));
}

function heatButton(list, value, share, where) {
  const several = list.length > 1 ? ` (${list.length} runs)` : "";
  return button(format(value, state.metric), () => {
    state.selected = list.map((run) => run.id);
    remember();
    document.dispatchEvent(new Event("selected"));
    if (list.length === 1) location.hash = addressOf(list[0]);
    else go("curves");
  }, { style: `color:${inkOn(share)}`, title: `${where}${several}` });
}

function distinctValues(runs, key) {
  const found = new Map(runs.map((run) => [format(valueOf(run, key)), valueOf(run, key)]));
  const sorted = [...found].sort(([a, x], [b, y]) => (isNumber(x) && isNumber(y) ? x - y : a.localeCompare(b, undefined, { numeric: true })));
  return sorted.map(([text]) => text);
}

function bestTable() {
  const best = new Map();
  for (const run of shownRuns()) {
    const value = valueOf(run, state.metric), key = `${run.settings.task || ""} ${run.image}`;
    if (!isNumber(value)) continue;
    const group = best.get(key) || { count: 0, run: null };
    group.count += 1;
    if (!group.run || isBetter(state.metric, value, valueOf(group.run, state.metric))) group.run = run;
    best.set(key, group);
  }
  const swept = DATA.swept.filter((key) => !["image", "task", "observed"].includes(key));
  const rows = [...best.values()].map(({ run, count }) => element("tr", {},
    element("td", { class: "name" }, element("a", { href: addressOf(run) }, thumbnail(run), element("span", {}, run.image))),
    element("td", {}, run.settings.task || "–"),
    ...swept.map((key) => element("td", { class: "number" }, format(run.settings[key]))),
    element("td", { class: "number" }, element("b", {}, format(valueOf(run, state.metric), state.metric))),
    element("td", {}, publishedText(run)), element("td", { class: "number" }, String(count))));
  const left = ["image", "task", "published"];
  const head = ["image", "task", ...swept, nameOf(state.metric), "published", "of runs"]
    .map((text) => element("th", { scope: "col", class: left.includes(text) ? "" : "number" }, text));
  const table = element("table", { class: "best runs" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  return element("div", {}, element("h2", {}, "Best setting of each image"), element("div", { class: "scroll" }, table));
}

// What is published of the run's image, by the protocol of the chosen metric.
function publishedText(run, metric = state.metric) {
  const values = run.published[metric.replace(/_(average|best)$/, "")] || {};
  return Object.entries(values).map(([name, value]) => `${name} ${value.toFixed(2)}`).join("; ") || "–";
}
