// Parallel coordinates: the swept keys against the chosen metric. Drag along an axis to limit it.

const TALL = 400, EDGE = { top: 56, bottom: 30, side: 60 };
const FAN = 26; // pixels
let axisCache = new Map();

// How a key is laid out: numbers linearly or by their logarithm, anything else in order.
function axisOf(key) {
  if (!axisCache.has(key)) axisCache.set(key, makeAxis(key));
  return axisCache.get(key);
}

function makeAxis(key) {
  const values = RUNS.map((run) => valueOf(run, key)).filter((v) => v !== null && v !== undefined);
  const limits = extent(values);
  if (limits && values.every(isNumber) && limits[0] < limits[1]) {
    const log = limits[0] > 0 && limits[1] / limits[0] >= 20;
    const to = log ? Math.log : (v) => v;
    const [low, high] = limits.map(to);
    const distinct = [...new Set(values)].sort((a, b) => a - b);
    const marks = distinct.length <= 8 && !METRICS.includes(key)
      ? distinct
      : [0, 0.25, 0.5, 0.75, 1].map((s) => (log ? Math.exp(low + s * (high - low)) : low + s * (high - low)));
    return { place: (v) => (isNumber(v) ? (to(v) - low) / (high - low) : null), marks };
  }
  const names = [...new Set(values.map((v) => format(v)))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const place = (v) => {
    const at = names.indexOf(format(v));
    return at < 0 ? null : names.length === 1 ? 0.5 : at / (names.length - 1);
  };
  return { place, marks: names };
}

// Where a value lies on its axis, 0 ... 1; null where it has none.
function axisPlace(key, value) { return value === null || value === undefined ? null : axisOf(key).place(value); }

function parallelView() {
  const keys = [...DATA.swept.filter((key) => new Set(RUNS.map((r) => format(valueOf(r, key)))).size > 1), state.metric];
  const box = element("div", { class: "scroll parallel" });
  const note = element("p", { class: "note" });
  const redraw = () => {
    const shown = new Set(shownRuns().map((run) => run.id));
    note.replaceChildren(`${shown.size} of ${RUNS.length} runs within the limits. Drag along an axis to limit it, click on a line to select its run. `, ...brushChips());
    box.replaceChildren(drawParallel(keys, shown, box, redraw), colourBar(state.metric, extent(RUNS.map((r) => valueOf(r, state.metric)))));
  };
  const view = element("section", {}, note, box);
  if (keys.length < 2) return element("section", {}, element("p", { class: "note" }, "The runs do not differ in any setting."));
  requestAnimationFrame(redraw);
  return view;
}

function drawParallel(keys, shown, box, redraw) {
  const wide = Math.max(box.clientWidth - 4, keys.length * 112);
  const gap = (wide - 2 * EDGE.side) / (keys.length - 1);
  const xOf = (index) => EDGE.side + index * gap;
  const yOf = (place) => EDGE.top + (1 - place) * (TALL - EDGE.top - EDGE.bottom);
  const picture = shape("svg", { width: wide, height: TALL, viewBox: `0 0 ${wide} ${TALL}`, role: "img", "aria-label": `settings against ${nameOf(state.metric)}` });
  const lines = shape("g", { fill: "none" });
  const order = RUNS.filter((run) => isNumber(valueOf(run, state.metric)))
    .sort((a, b) => axisPlace(state.metric, valueOf(a, state.metric)) - axisPlace(state.metric, valueOf(b, state.metric)));
  // Runs that share a value are fanned out in the order of the metric, so that each can be followed.
  const spread = (index) => (order.length < 2 ? 0 : FAN * (0.5 - index / (order.length - 1)));
  for (const [index, run] of order.entries()) {
    const at = (key) => {
      const place = axisPlace(key, valueOf(run, key));
      return place === null ? null : yOf(place) + (key === state.metric ? 0 : spread(index));
    };
    const points = keys.map((key, i) => [xOf(i), at(key)]).filter(([, y]) => y !== null);
    if (points.length < 2) continue;
    const colour = scaleColour(axisPlace(state.metric, valueOf(run, state.metric)));
    const chosen = state.selected.includes(run.id);
    lines.append(shape("path", {
      d: smoothPath(points), stroke: colour,
      class: `line ${shown.has(run.id) ? "" : "out"} ${chosen ? "chosen" : ""}`, "data-run": run.id,
      onpointermove: (event) => tell(event, `${labelOf(run)}\n${nameOf(state.metric)} ${format(valueOf(run, state.metric), state.metric)}`),
      onpointerleave: (event) => tell(event, ""),
      onclick: () => { toggleSelected(run, !chosen); tell({}, ""); redraw(); document.dispatchEvent(new Event("selected")); },
    }));
  }
  picture.append(lines, ...keys.map((key, i) => drawAxis(key, xOf(i), yOf, redraw)));
  return picture;
}

function smoothPath(points) {
  return points.map(([x, y], i) => {
    if (i === 0) return `M${x},${y}`;
    const [px, py] = points[i - 1], middle = (px + x) / 2;
    return `C${middle},${py} ${middle},${y} ${x},${y}`;
  }).join("");
}

function drawAxis(key, x, yOf, redraw) {
  const group = shape("g", { class: "axis", "data-axis": key });
  group.append(shape("line", { x1: x, x2: x, y1: yOf(0), y2: yOf(1) }));
  const name = shape("text", { x, y: 18, "text-anchor": "middle", class: "title" }, nameOf(key));
  group.append(name);
  for (const value of axisOf(key).marks) {
    const y = yOf(axisOf(key).place(value));
    group.append(shape("line", { x1: x - 4, x2: x + 4, y1: y, y2: y }), shape("text", { x: x + 7, y: y + 4 }, format(value, METRICS.includes(key) ? key : "")));
  }
  const limits = state.brush[key];
  if (limits) {
    group.append(shape("rect", { x: x - 9, width: 18, y: yOf(limits[1]), height: Math.max(3, yOf(limits[0]) - yOf(limits[1])), class: "brush" }));
  }
  const handle = shape("rect", { x: x - 16, width: 32, y: yOf(1) - 8, height: yOf(0) - yOf(1) + 16, class: "handle" });
  handle.addEventListener("pointerdown", (event) => dragBrush(event, handle, key, yOf, redraw));
  group.append(handle);
  return group;
}

function dragBrush(event, handle, key, yOf, redraw) {
  event.preventDefault();
  handle.setPointerCapture(event.pointerId);
  const svg = handle.ownerSVGElement;
  const placeAt = (e) => (yOf(0) - pointIn(svg, e).y) / (yOf(0) - yOf(1));
  const from = placeAt(event);
  const end = (e) => {
    const to = placeAt(e);
    if (Math.abs(to - from) < 0.02) delete state.brush[key];
    else state.brush[key] = [Math.min(from, to), Math.max(from, to)];
    remember();
    redraw();
  };
  handle.addEventListener("pointerup", end, { once: true });
}

function colourBar(metric, limits) {
  if (!limits) return element("p", { class: "note" }, `No run has ${nameOf(metric)}.`);
  const stops = VIRIDIS.map((c) => `rgb(${c.join(",")})`).join(",");
  return element("div", { class: "bar" }, format(limits[0], metric),
    element("span", { style: `background:linear-gradient(90deg,${stops})` }), format(limits[1], metric), ` ${nameOf(metric)}`);
}
