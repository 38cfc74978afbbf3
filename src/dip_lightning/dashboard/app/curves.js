// The curves of some runs.

const MOST_CURVES = 10;
const SIGNS = [["peak", "oracle peak"], ["drop", "sudden drop"], ["end", "averaged output at the end"], ["stopped", "stopped, diverged"]];

function curvesView() {
  const runs = comparedRuns(MOST_CURVES);
  const chart = new Chart("curves of the compared runs", (id) => { location.hash = addressOf(RUN_BY_ID.get(id)); });
  const legend = element("ul", { class: "legend" });
  const redraw = () => { remember(); chart.show(drawingOf(runs)); };
  runs.forEach((run, index) => legend.append(legendEntry(run, index, chart)));
  const view = element("section", {}, comparedNote(runs, "curve"), curveControls(redraw), chart.node, signLegend(), legend);
  chart.show(drawingOf(runs));
  return view;
}

function legendEntry(run, index, chart) {
  return element("li", {},
    element("span", { class: "swatch", style: `background:${lineColour(index)}` }),
    element("a", {
      href: addressOf(run),
      onpointerenter: () => chart.pick(run.id), onpointerleave: () => chart.pick(null),
      onfocus: () => chart.pick(run.id), onblur: () => chart.pick(null),
    }, labelOf(run)), ` ${format(valueOf(run, state.metric), state.metric)}`);
}

function comparedNote(runs, what) {
  const text = state.selected.length
    ? `${runs.length} selected run${runs.length === 1 ? "" : "s"}.`
    : `No run is selected: the first ${runs.length} of the table.`;
  const clear = state.selected.length ? button("clear selection", () => { state.selected = []; remember(); render(); }) : null;
  return element("p", { class: "note", "data-what": what }, text, " ", clear);
}

function curveControls(redraw) {
  const set = (key) => (value) => { state[key] = value; redraw(); };
  return element("div", { class: "controls" },
    choice("Show", [["psnr", "PSNR"], ["loss", "loss"]], state.y, set("y")),
    choice("against", [["iteration", "iteration"], ["seconds", "seconds"]], state.x, set("x")),
    tick("logarithmic x", state.logX, set("logX")),
    tick("iterate", state.iterate, set("iterate")),
    tick("averaged output", state.averaged, set("averaged")),
    tick("marks", state.marks, set("marks")),
    RUNS.some((run) => "psnr" in run.published) ? tick("published", state.published, set("published")) : null);
}

function signLegend() {
  const entries = SIGNS.map(([sign, text]) => {
    const icon = element("canvas", { width: 16, height: 16, "aria-hidden": "true" });
    const c = icon.getContext("2d");
    c.fillStyle = css("--faint");
    c.beginPath();
    tracePoint(c, sign, 8, 8);
    c.fill();
    return element("span", {}, icon, ` ${text}`);
  });
  return element("p", { class: "note signs" },
    "Thin: each iterate. Bold: averaged output. Drag a box to zoom, double-click for all; + − 0 and arrow keys. ", ...entries);
}

function drawingOf(runs, cursor = null) {
  const series = [], marks = [], levels = [];
  runs.forEach((run, index) => {
    const colour = lineColour(index), curve = curveOf(run);
    const xs = curve[state.x];
    if (!xs) return;
    const add = (column, faint) => {
      if (curve[column]) series.push({ name: run.id, title: `${labelOf(run)} (${nameOf(column)})`, colour, xs, ys: curve[column], faint });
    };
    if (state.y === "loss") add("loss", false);
    else {
      if (state.iterate) add("psnr", state.averaged);
      if (state.averaged) add("psnr_average", false);
    }
    if (state.marks) marks.push(...marksOf(run, colour));
    if (state.published && state.y === "psnr") levels.push(...levelsOf(run));
  });
  const seen = new Map(levels.map((level) => [`${level.text} ${level.y}`, level]));
  return {
    x: { label: state.x === "seconds" ? "seconds" : "iteration", log: state.logX },
    y: { label: state.y === "loss" ? "loss" : "PSNR (dB)", log: state.y === "loss", key: state.y },
    series, marks, levels: [...seen.values()],
    cursor: cursor === null ? null : state.x === "seconds" ? secondsAt(runs[0], cursor) : cursor,
  };
}

function levelsOf(run) {
  const where = new Set(RUNS.map((other) => other.image)).size > 1 ? `${run.image}: ` : "";
  return Object.entries(run.published.psnr || {}).map(([name, y]) => ({ y, text: where + name }));
}

function marksOf(run, colour) {
  const found = [], m = run.metrics, label = labelOf(run);
  const loss = state.y === "loss";
  const add = (sign, iteration, y, text) => {
    const x = state.x === "seconds" ? secondsAt(run, iteration) : iteration;
    if (isNumber(x) && isNumber(y)) found.push({ x, y, colour, sign, name: run.id, text: `${label}\n${text}` });
  };
  for (const drop of loss || !state.iterate ? [] : run.drops) {
    add("drop", drop.iteration, drop.psnr, `sudden drop of ${drop.depth} dB from iteration ${drop.start}`);
  }
  for (const [key, value] of Object.entries(m)) {
    if (!key.startsWith("iteration_") || !isNumber(value)) continue;
    const what = key.slice("iteration_".length);
    const y = loss ? curveAt(run, "loss", value) : m[`psnr_${what}`] ?? curveAt(run, "psnr_average", value);
    const text = what === "best" ? `oracle peak ${format(y, "psnr")} dB` : key;
    add(what === "best" ? "peak" : "stopped", value, y, `${text}, iteration ${value}`);
  }
  if (isNumber(m.iterations) && run.curve.iteration) {
    const stopped = m.status !== "finished";
    const y = loss ? m.loss : m.psnr_average ?? null;
    const text = `${stopped ? `${m.status} after` : "averaged output,"} iteration ${m.iterations}`;
    add(stopped ? "stopped" : "end", m.iterations, y, text + (loss ? "" : `: ${format(y, "psnr")} dB`));
  }
  return found;
}
