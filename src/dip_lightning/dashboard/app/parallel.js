// Parallel coordinates: the chosen metric first, then the settings in which runs differ.

const TALL = 420,
  EDGE = { top: 56, bottom: 56, side: 64 };
const FAN = 26,
  STUB = 30; // pixels
const STEP = 0.05; // of an axis, by a key

VIEWS.push({ name: "settings", title: "Settings", make: parallelView });

function axesShown() {
  if (state.axes.length) return state.axes;
  return [
    metricKey(),
    ...SWEPT.filter((key) => !(isGrouped() && key === "seed") && key !== metricKey() && distinct(RUNS, key).length > 1),
  ];
}

function setAxes(keys) {
  state.axes = keys;
  remember();
}

const HELP =
  "Drag along an axis to limit it, drag its name to move it, click on a line to select it. By keys, on an axis: " +
  "↑ ↓ the upper limit, with Shift the lower; ← → move it; Delete hides it; Escape lifts its limit.";

function parallelView() {
  const box = element("div", { class: "scroll parallel" }),
    note = element("p", { class: "note", role: "status" }),
    bar = element("div");
  const view = {
    keys: [],
    units: [],
    lines: [],
    place: null,
    canvas: null,
    top: null,
    over: null,
    redraw: () => keepFocus(draw),
    mark,
  };
  function draw() {
    view.keys = axesShown();
    view.units = unitsOf(shownRuns(false));
    box.replaceChildren(drawParallel(view, box));
    table.renew();
    bar.replaceChildren(colourBar(metricKey(), extent(view.units.map((unit) => valueOf(unit, metricKey())))));
    mark();
  }
  function mark() {
    const runs = shownRuns(),
      shown = new Set(runs);
    for (const line of view.lines) line.out = !membersOf(line.unit).some((run) => shown.has(run));
    note.replaceChildren(`${runs.length} of ${RUNS.length} runs within the limits. `, ...limitChips(view.redraw));
    paintCanvas(view);
  }
  const name = "settings against the metric";
  const table = dataTable(name, () => ({
    head: ["run", ...view.keys.map(nameOf)],
    rows: view.units.map((unit) => [labelOf(unit), ...view.keys.map((key) => format(valueOf(unit, key), key))]),
  }));
  const help = element("p", { class: "note" }, HELP);
  requestAnimationFrame(view.redraw);
  return {
    node: element(
      "section",
      {},
      note,
      help,
      element(
        "div",
        { class: "controls" },
        axisChooser(view),
        ...exportButtons(name, () => parallelSvg(view, box.querySelector("svg"))),
      ),
      box,
      bar,
      table.node,
    ),
    update: view.redraw,
  };
}

function axisChooser(view) {
  const keys = [...new Set([metricKey(), ...SWEPT, ...METRICS])];
  const boxes = keys.map((key) =>
    tick(nameOf(key), axesShown().includes(key), (on) => {
      setAxes(on ? [...axesShown(), key] : axesShown().filter((other) => other !== key));
      view.redraw();
    }),
  );
  return element(
    "details",
    { class: "menu" },
    element("summary", {}, "Axes"),
    element(
      "div",
      {},
      button("as at first", () => {
        setAxes([]);
        render();
      }),
      ...boxes,
    ),
  );
}

function drawParallel(view, box) {
  const { keys } = view,
    wide = Math.max(box.clientWidth - 4, keys.length * 88),
    longest = Math.max(...axisOf(keys[keys.length - 1]).marks.map((value) => format(value).length));
  const gap = (wide - EDGE.side - Math.max(EDGE.side, Math.min(140, 7 * longest + 12))) / Math.max(1, keys.length - 1);
  view.place = {
    x: (index) => EDGE.side + index * gap,
    y: (share) => EDGE.top + (1 - share) * (TALL - EDGE.top - EDGE.bottom),
    gap,
    wide,
  };
  view.lines = linesOf(view);
  const picture = shape(
    "svg",
    {
      width: wide,
      height: TALL,
      viewBox: `0 0 ${wide} ${TALL}`,
      role: "group",
      "aria-label": `settings against ${nameOf(metricKey())}`,
    },
    ...keys.map((key, i) => drawAxis(view, key, i, view.place)),
  );
  const ratio = devicePixelRatio || 1;
  [view.canvas, view.top] = [0, 1].map(() =>
    element("canvas", {
      width: wide * ratio,
      height: TALL * ratio,
      style: `width:${wide}px;height:${TALL}px`,
      "aria-hidden": "true",
    }),
  );
  picture.addEventListener("pointermove", (event) => hoverLines(event, view, picture));
  picture.addEventListener("pointerleave", () => {
    tell({});
    setOver(view, null);
  });
  picture.addEventListener("click", () => {
    if (view.over) {
      toggleSelected(view.over.unit, !state.selected.includes(keyOf(view.over.unit)));
      paintCanvas(view);
    }
  });
  return element("div", { class: "layers", style: `width:${wide}px` }, view.canvas, view.top, picture);
}

// Runs that share a value are fanned out in the order of the metric, so that each can be followed; a
// run without a value goes to a stub below the axis.
function linesOf({ keys, units, place }) {
  const value = (unit) => valueOf(unit, metricKey()),
    limits = extent(units.map(value));
  const order = [...units].sort((a, b) => (value(a) ?? -Infinity) - (value(b) ?? -Infinity));
  const spread = (index) => (order.length < 2 ? 0 : FAN * (0.5 - index / (order.length - 1)));
  return order.map((unit, index) => ({
    unit,
    failed: value(unit) === null,
    colour: value(unit) === null ? css("--bad") : strokeColour(shareIn(limits, value(unit))),
    ys: keys.map((key) => {
      const at = axisOf(key).place(valueOf(unit, key));
      return at === null ? place.y(0) + STUB : place.y(at) + (axisOf(key).names ? spread(index) : 0);
    }),
  }));
}

// Between two axes a line goes from one height to the other without a bend at either.
function ease(share) {
  return share * share * (3 - 2 * share);
}

function traceLine({ ys }, place, parts = 14) {
  return (p) =>
    ys.forEach((y, i) => {
      if (i === 0) {
        p.moveTo(place.x(0), y);
        return;
      }
      for (let k = 1; k <= parts; k++)
        p.lineTo(place.x(i - 1) + (place.gap * k) / parts, ys[i - 1] + ease(k / parts) * (y - ys[i - 1]));
    });
}

function paintLines(pen, { lines, place }) {
  const rule = css("--rule");
  const selected = new Set(state.selected),
    chosen = (line) => selected.has(keyOf(line.unit));
  const draw = (line) =>
    pen.line(traceLine(line, place), {
      colour: line.out ? rule : line.colour,
      width: chosen(line) ? 4 : 1.6,
      dash: line.failed ? [5, 4] : [],
    });
  for (const test of [(l) => l.out, (l) => !l.out && !chosen(l), (l) => !l.out && chosen(l)])
    lines.filter(test).forEach(draw);
}

function cleared(canvas, view) {
  const c = canvas.getContext("2d"),
    ratio = devicePixelRatio || 1;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, view.place.wide, TALL);
  return canvasPen(c);
}

function paintCanvas(view) {
  if (view.canvas) paintLines(cleared(view.canvas, view), view);
}

// The line under the pointer lies on a canvas of its own: the others need not be drawn anew.
function setOver(view, line) {
  if (view.over === line) return;
  view.over = line;
  const pen = cleared(view.top, view);
  if (line) pen.line(traceLine(line, view.place), { colour: line.colour, width: 4, dash: line.failed ? [5, 4] : [] });
}

function hoverLines(event, view, picture) {
  if (event.buttons) return;
  const at = pointIn(picture, event),
    { place, lines } = view,
    i = Math.floor((at.x - place.x(0)) / place.gap),
    share = ease((at.x - place.x(i)) / place.gap);
  const far = (line) =>
    i < 0 || i + 1 >= line.ys.length || line.out
      ? Infinity
      : Math.abs(line.ys[i] + share * (line.ys[i + 1] - line.ys[i]) - at.y);
  const line = lines.reduce((best, other) => (far(other) < far(best) ? other : best), lines[0]);
  const near = line && far(line) < 8 ? line : null;
  setOver(view, near);
  picture.style.cursor = near ? "pointer" : "";
  tell(
    event,
    near
      ? `${labelOf(near.unit)}\n${near.failed ? near.unit.status : `${nameOf(metricKey())} ${spreadText(near.unit, metricKey())}`}`
      : "",
  );
}

function drawAxis(view, key, index, place) {
  const axis = axisOf(key),
    x = place.x(index),
    limits = state.limits[key];
  const said = `${nameOf(key)}${limits ? `, limited: ${limitText(key, limits)}` : ""}`;
  const group = shape("g", {
    class: "axis",
    "data-axis": key,
    tabindex: 0,
    role: "group",
    "aria-label": said,
    onkeydown: (event) => pressAxis(event, view, key),
  });
  group.append(shape("line", { x1: x, x2: x, y1: place.y(0), y2: place.y(1) }));
  const most = Math.max(8, Math.floor(place.gap / 7)),
    name = nameOf(key),
    shortened = name.length > most ? `…${name.slice(1 - most)}` : name;
  const title = shape(
    "text",
    { x, y: 18, "text-anchor": "middle", class: "title" },
    shortened,
    shape("title", {}, name),
  );
  title.addEventListener("pointerdown", (event) => dragAxis(event, title, view, key, place));
  group.append(title);
  for (const value of axis.marks) {
    const y = place.y(axis.place(value));
    group.append(
      shape("line", { x1: x - 4, x2: x + 4, y1: y, y2: y }),
      shape("text", { x: x + 7, y: y + 4 }, markText(value, key).slice(0, 18)),
    );
  }
  if (view.units.some((unit) => axis.place(valueOf(unit, key)) === null))
    group.append(
      shape("text", { x: x + 7, y: place.y(0) + STUB + 4, class: "none" }, "none"),
      shape("line", { x1: x - 4, x2: x + 4, y1: place.y(0) + STUB, y2: place.y(0) + STUB }),
    );
  const brush = shape("rect", { x: x - 9, width: 18, class: "brush" });
  const handle = shape("rect", {
    x: x - 16,
    width: 32,
    y: place.y(1) - 8,
    height: place.y(0) - place.y(1) + 16,
    class: "handle",
  });
  const show = () => showBrush(brush, key, place);
  handle.addEventListener("pointerdown", (event) => dragBrush(event, handle, view, key, place, show));
  group.append(brush, handle);
  show();
  return group;
}

function markText(value, key) {
  return value === null ? NONE : format(value, METRICS.includes(key) ? key : "");
}

function showBrush(brush, key, place) {
  const limits = state.limits[key] && state.limits[key].map((value) => axisOf(key).place(value));
  const shown = limits && limits.every((share) => share !== null);
  brush.setAttribute("visibility", shown ? "visible" : "hidden");
  if (!shown) return;
  brush.setAttribute("y", place.y(limits[1]) - 6);
  brush.setAttribute("height", place.y(limits[0]) - place.y(limits[1]) + 12);
}

// The values between two places on an axis; null where there are none.
function limitsBetween(key, from, to) {
  const axis = axisOf(key),
    [low, high] = [Math.min(from, to), Math.max(from, to)];
  if (axis.at) return [axis.at(Math.max(0, low)), axis.at(Math.min(1, high))];
  const inside = axis.marks.filter((value) => axis.place(value) >= low - 0.02 && axis.place(value) <= high + 0.02);
  return inside.length ? [inside[0], inside[inside.length - 1]] : null;
}

function dragBrush(event, handle, view, key, place, show) {
  event.preventDefault();
  handle.parentNode.focus({ preventScroll: true });
  const svg = handle.ownerSVGElement,
    shareAt = (e) => (place.y(0) - pointIn(svg, e).y) / (place.y(0) - place.y(1)),
    from = shareAt(event);
  let asked = 0;
  const move = (e) => {
    const limits = Math.abs(shareAt(e) - from) < 0.02 ? null : limitsBetween(key, from, shareAt(e));
    if (limits) state.limits[key] = limits;
    else delete state.limits[key];
    show();
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(view.mark);
    tell(e, limits ? limitText(key, limits) : "");
  };
  follow(event, handle, move, (e) => {
    if (e.type === "pointerup") move(e);
    tell(e);
    remember();
    view.redraw();
  });
}

function dragAxis(event, title, view, key, place) {
  event.preventDefault();
  const svg = title.ownerSVGElement,
    from = pointIn(svg, event).x;
  const move = (e) => title.setAttribute("transform", `translate(${pointIn(svg, e).x - from},0)`);
  follow(event, title, move, (e) => {
    const by = e.type === "pointerup" ? Math.round((pointIn(svg, e).x - from) / place.gap) : 0;
    if (by) moveAxis(key, by);
    view.redraw();
  });
}

function moveAxis(key, by) {
  const keys = axesShown().filter((other) => other !== key);
  keys.splice(Math.max(0, Math.min(keys.length, axesShown().indexOf(key) + by)), 0, key);
  setAxes(keys);
}

function pressAxis(event, view, key) {
  const axis = axisOf(key),
    step = axis.names ? 1 / Math.max(1, axis.names.length - 1) : STEP;
  const [low, high] = (state.limits[key] || [])
    .map((value) => axis.place(value))
    .concat([0, 1])
    .slice(0, 2);
  const limit = (from, to) => {
    const limits = from <= to + 1e-9 && from >= -1e-9 && to <= 1 + 1e-9 ? limitsBetween(key, from, to) : null;
    if (limits) state.limits[key] = limits;
  };
  const shift = event.shiftKey;
  press(event, {
    ArrowUp: () => (shift ? limit(low + step, high) : limit(low, high + step)),
    ArrowDown: () => (shift ? limit(low - step, high) : limit(low, high - step)),
    ArrowLeft: () => moveAxis(key, -1),
    ArrowRight: () => moveAxis(key, 1),
    Delete: () => setAxes(axesShown().filter((other) => other !== key)),
    Escape: () => {
      delete state.limits[key];
    },
  });
  if (!event.defaultPrevented) return;
  remember();
  view.redraw();
}

function parallelSvg(view, node) {
  const copied = node.cloneNode(true),
    pen = svgPen(),
    { wide } = view.place;
  for (const gone of copied.querySelectorAll(".handle, .brush[visibility=hidden], title")) gone.remove();
  for (const line of copied.querySelectorAll("line")) line.setAttribute("stroke", css("--faint"));
  for (const text of copied.querySelectorAll("text")) text.setAttribute("fill", css("--ink"));
  for (const brush of copied.querySelectorAll(".brush")) {
    brush.setAttribute("fill", css("--accent"));
    brush.setAttribute("opacity", 0.35);
  }
  paintLines(pen, view);
  return { width: wide, height: TALL, svg: svgText(wide, TALL, pen + new XMLSerializer().serializeToString(copied)) };
}

function colourBar(metric, limits) {
  if (!limits) return element("p", { class: "note" }, `No run has ${nameOf(metric)}.`);
  return element(
    "div",
    { class: "bar" },
    format(limits[0], metric),
    element("span", { style: `background:linear-gradient(90deg,${strokeStops()})` }),
    format(limits[1], metric),
    ` ${nameOf(metric)}; dashed: has none (failed, running)`,
  );
}
