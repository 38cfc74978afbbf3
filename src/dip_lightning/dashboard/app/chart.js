// A zoomable chart: axes, scales and the ruler are uPlot's; curves, bands, points and boxes are painted
// by `paint`, on its canvas and, for export, into an SVG.
//
// A drawing is { x, y, series, marks, levels, boxes, cursor } with
//   x, y    { label, log, key, ticks: [[value, text]] or null }
//   series  { name, title, colour, xs, ys, band: [low, high], faint, dashed }
//   marks   { x, y, colour, sign, name, text }
//   levels  { y, text }
//   boxes   { x, low, q1, median, q3, high, colour }

const NEAR = 40; // pixels within which the pointer is on a curve
const LISTED = 12; // runs in the ruler's list
const FONT = "12px system-ui, sans-serif";
const charts = new Set(); // those that uPlot has drawn, and listens to the window for

// Lets go of charts that are no longer in the page.
function dropCharts() {
  for (const chart of charts) {
    if (chart.box.isConnected) continue;
    chart.u.destroy();
    chart.u = null;
    charts.delete(chart);
  }
}

class Chart {
  constructor(label, { onPick = () => {}, zoom = null, onZoom = () => {}, height = 440 } = {}) {
    Object.assign(this, { label, onPick, zoomed: zoom, onZoom, height, drawing: null, picked: null, u: null });
    this.box = element("div", { class: "plot", tabindex: 0, role: "img", "aria-label": label });
    this.overlay = element("canvas", { class: "overlay" });
    const tools = element("div", { class: "tools" },
      button("+", () => this.zoom(0.6), { title: "zoom in (+)", "aria-label": "zoom in" }),
      button("−", () => this.zoom(1 / 0.6), { title: "zoom out (-)", "aria-label": "zoom out" }),
      button("reset", () => this.setZoom(null), { title: "all of it (0)" }), ...exportButtons(label, () => this.export()));
    this.node = element("div", { class: "chart" }, tools, this.box, dataTable(label, () => this.table()));
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  // Draws something new; the zoom stays as long as the axes are the same.
  show(drawing) {
    const kind = (d) => d && [d.x.label, d.y.label, d.x.log, d.y.log].join();
    if (this.drawing && kind(this.drawing) !== kind(drawing)) this.zoomed = null;
    this.drawing = drawing;
    this.whole = wholeOf(drawing);
    dropCharts();
    if (this.u) this.u.destroy();
    this.u = null;
    charts.delete(this);
    this.resize();
  }

  resize() {
    const width = this.box.clientWidth;
    if (!width || !this.drawing) return;
    if (!this.u) this.make(width);
    else if (width !== this.u.width) this.u.setSize({ width, height: this.height });
    else return;
    this.box.dataset.drawn = width;
  }

  make(width) {
    const colour = css("--faint"), rule = css("--rule");
    const axis = (name, size) => ({
      scale: name, size, stroke: colour, font: FONT, labelFont: FONT, label: this.drawing[name].label, labelSize: 20, gap: 4,
      grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1, size: 4 },
      splits: () => this.ticksOf(name).map(([v]) => v), values: () => this.ticksOf(name).map(([, text]) => text), filter: (_, splits) => splits,
    });
    const scale = (name) => ({ time: false, distr: this.drawing[name].log ? 3 : 1, range: () => this.limits()[name] });
    const { x, y } = this.limits();
    this.u = new uPlot({
      width, height: this.height, legend: { show: false }, pxAlign: false,
      cursor: { drag: { x: true, y: true, uni: 12, setScale: false, dist: 5 }, points: { show: false } },
      scales: { x: scale("x"), y: scale("y") }, axes: [axis("x", 32), axis("y", 48)], series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: { draw: [() => this.draw()], setSelect: [() => this.select()], setCursor: [() => this.hover()] },
    }, [x, y], this.box);
    charts.add(this);
    this.u.over.append(this.overlay);
    this.u.over.addEventListener("click", () => this.picked && !this.dragged && this.onPick(this.picked));
    this.u.over.addEventListener("dblclick", () => this.setZoom(null));
    this.u.over.addEventListener("mouseleave", () => { tell({}); this.pick(null); });
  }

  limits() { return this.zoomed && this.canShow(this.zoomed) ? { x: this.zoomed.slice(0, 2), y: this.zoomed.slice(2) } : this.whole; }

  canShow(zoom) { return ["x", "y"].every((name, i) => !this.drawing[name].log || zoom[2 * i] > 0); }

  ticksOf(name) {
    const { ticks: given, log } = this.drawing[name], limits = this.limits()[name];
    if (given) return given.filter(([v]) => v >= limits[0] && v <= limits[1]);
    const { width, height } = this.plot();
    return ticks(limits, Math.max(2, name === "x" ? width / 80 : height / 45), log);
  }

  // Where the curves are, in CSS pixels of the whole.
  plot() {
    const { left, top, width, height } = this.u.bbox, ratio = uPlot.pxRatio;
    return { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
  }

  // From values to pixels of the plot.
  get map() {
    const { width, height } = this.plot(), { x, y } = this.limits();
    const part = ([low, high], log, from, to) => {
      const f = log ? Math.log10 : (v) => v, k = (to - from) / (f(high) - f(low)), base = f(low);
      return (v) => from + (f(v) - base) * k;
    };
    return { x: part(x, this.drawing.x.log, 0, width), y: part(y, this.drawing.y.log, height, 0), width, height };
  }

  draw() {
    if (!this.u) return; // let go of between asking and drawing
    const { ctx: c, bbox } = this.u, ratio = uPlot.pxRatio;
    c.save();
    c.beginPath();
    c.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    c.clip();
    c.translate(bbox.left, bbox.top);
    c.scale(ratio, ratio);
    this.paint(canvasPen(c));
    c.restore();
  }

  paint(pen, only = null) {
    const { levels = [], boxes = [], series, marks, cursor, x } = this.drawing, map = this.map, of = (item) => !only || item.name === only;
    if (!only) levels.forEach((level) => paintLevel(pen, level, map));
    if (!only) boxes.forEach((box) => paintBox(pen, box, map));
    for (const s of series.filter((s) => s.band && of(s))) pen.area((p) => traceBand(p, s, map), s.colour, 0.18);
    for (const faint of [true, false]) {
      for (const s of series.filter((s) => of(s) && Boolean(s.faint) === faint)) {
        pen.line((p) => traceSeries(p, s, map), { colour: s.colour, width: only ? 2.6 : faint ? 1 : 1.8, alpha: faint ? 0.5 : 1, dash: s.dashed ? [6, 4] : [] });
      }
    }
    for (const m of marks.filter(of)) pen.area((p) => tracePoint(p, m.sign, map.x(m.x), map.y(m.y)), m.colour, 1, css("--paper"));
    if (isNumber(cursor) && !(x.log && cursor <= 0)) pen.line((p) => { p.moveTo(map.x(cursor), 0); p.lineTo(map.x(cursor), map.height); }, { colour: css("--accent"), width: 1.5 });
    if (!series.length && !marks.length) pen.text("nothing to show", 12, 24, css("--faint"));
  }

  // Everything else fades under a veil, which costs nothing however much there is.
  pick(name) {
    if (this.picked === name || !this.u) return;
    this.picked = name;
    this.u.over.style.cursor = name ? "pointer" : "";
    const { width, height } = this.plot(), ratio = uPlot.pxRatio;
    [this.overlay.width, this.overlay.height] = [width * ratio, height * ratio];
    if (!name) return;
    const c = this.overlay.getContext("2d");
    c.scale(ratio, ratio);
    c.fillStyle = css("--paper");
    c.globalAlpha = 0.72;
    c.fillRect(0, 0, width, height);
    c.globalAlpha = 1;
    this.paint(canvasPen(c), name);
  }

  hover() {
    if (!this.u) return;
    const { left, top } = this.u.cursor;
    if (!(left >= 0) || !this.u.cursor.event) return;
    const found = this.under(left, top);
    this.pick(found.name);
    tell(this.u.cursor.event, ...found.lines);
  }

  // What is under the pointer: a mark, or the curve that is nearest at its place, and the others there.
  under(left, top) {
    const map = this.map, { x, y, series, marks } = this.drawing;
    const mark = marks.find((m) => Math.hypot(map.x(m.x) - left, map.y(m.y) - top) < 9);
    if (mark) return { name: mark.name, lines: [mark.text] };
    const at = this.u.posToVal(left, "x"), bold = series.filter((s) => !s.faint);
    const values = (bold.length ? bold : series).map((s) => ({ s, y: valueNear(s, at) })).filter((v) => !Number.isNaN(v.y));
    if (!values.length) return { name: null, lines: [] };
    const far = (v) => Math.abs(map.y(v.y) - top);
    values.sort((a, b) => far(a) - far(b));
    const near = far(values[0]) < NEAR ? values[0].s.name : null;
    const listed = values.slice(0, LISTED).sort((a, b) => b.y - a.y);
    const lines = listed.map((v) => element("div", { class: v.s.name === near ? "near" : "" }, element("span", { class: "swatch", style: `background:${v.s.colour}` }), `${format(v.y, y.key)}  ${v.s.title}`));
    const more = values.length > LISTED ? [`and ${values.length - LISTED} more`] : [];
    return { name: near, lines: [element("b", {}, `${x.label} ${format(Number(at.toPrecision(4)))}`), ...lines, ...more] };
  }

  select() {
    if (!this.u) return;
    const { left, top, width, height } = this.u.select;
    this.dragged = width > 0 || height > 0;
    if (!this.dragged) return;
    setTimeout(() => { this.dragged = false; });
    const at = (p, name) => this.u.posToVal(p, name);
    const zoom = [at(left, "x"), at(left + width, "x"), at(top + height, "y"), at(top, "y")];
    this.u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.setZoom(zoom);
  }

  setZoom(zoom) {
    if (zoom && !(isZoom(zoom) && this.canShow(zoom))) return;
    this.zoomed = zoom;
    this.onZoom(zoom);
    this.applyZoom();
  }

  applyZoom() {
    if (!this.u) return;
    const { x, y } = this.limits();
    this.pick(null);
    this.u.batch(() => {
      this.u.setData([x, y], false);
      this.u.setScale("x", { min: x[0], max: x[1] });
      this.u.setScale("y", { min: y[0], max: y[1] });
    });
  }

  // About a point of the plot, both coordinates 0 ... 1, or moved by a share of it.
  zoom(factor, [ax, ay] = [0.5, 0.5], [dx, dy] = [0, 0]) {
    const { x, y } = this.limits(), drawing = this.drawing;
    const part = (name, [low, high], share, move) => {
      const [f, back] = drawing[name].log ? [Math.log10, (v) => 10 ** v] : [(v) => v, (v) => v], [a, b] = [f(low), f(high)], at = a + share * (b - a) + move * (b - a);
      return [back(at - share * (b - a) * factor), back(at + (1 - share) * (b - a) * factor)];
    };
    this.setZoom([...part("x", x, ax, dx), ...part("y", y, ay, dy)]);
  }

  listen() {
    this.box.addEventListener("wheel", (event) => {
      if (!this.u || (!event.ctrlKey && document.activeElement !== this.box)) return; // the page scrolls
      event.preventDefault();
      const p = pointIn(this.u.over, event), { width, height } = this.plot();
      this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, [p.x / width, 1 - p.y / height]);
    }, { passive: false });
    this.box.addEventListener("mousedown", () => this.box.focus({ preventScroll: true }));
    this.box.addEventListener("keydown", (event) => {
      const move = (dx, dy) => this.zoom(1, [0.5, 0.5], [dx, dy]);
      press(event, {
        "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), "0": () => this.setZoom(null),
        ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0), ArrowUp: () => move(0, 0.1), ArrowDown: () => move(0, -0.1),
      });
    });
  }

  export() {
    const { left, top, width, height } = this.plot(), [w, foot] = [this.u.width, this.height], map = this.map, pen = svgPen();
    const ink = css("--ink"), rule = css("--rule");
    const frame = svgPen();
    for (const [v, text] of this.ticksOf("x")) { frame.line((p) => { p.moveTo(map.x(v), 0); p.lineTo(map.x(v), height); }, { colour: rule, width: 1 }); frame.text(text, map.x(v), height + 16, ink, "middle"); }
    for (const [v, text] of this.ticksOf("y")) { frame.line((p) => { p.moveTo(0, map.y(v)); p.lineTo(width, map.y(v)); }, { colour: rule, width: 1 }); frame.text(text, -6, map.y(v) + 4, ink, "end"); }
    frame.text(this.drawing.x.label, width / 2, height + 38, ink, "middle");
    frame.text(this.drawing.y.label, -left, -4, ink, "start");
    this.paint(pen);
    const names = [...new Map(this.drawing.series.filter((s) => !s.faint).map((s) => [s.title, s.colour]))].slice(0, 40), legend = svgPen();
    names.forEach(([text, colour], i) => { legend.line((p) => { p.moveTo(left, foot + 10 + 18 * i); p.lineTo(left + 18, foot + 10 + 18 * i); }, { colour, width: 3 }); legend.text(text, left + 26, foot + 14 + 18 * i, ink, "start"); });
    const total = foot + 18 * names.length + 10;
    return { width: w, height: total, svg: svgText(w, total, `<g transform="translate(${left},${top + 8})">${frame}<svg width="${width}" height="${height}">${pen}</svg></g>${legend}`) };
  }

  table() {
    const { x, y, series, marks } = this.drawing;
    if (!series.length) return { head: ["run", x.label, y.label], rows: marks.map((m) => [m.text.split("\n")[0], format(m.x), format(m.y, y.key)]) };
    const limits = this.limits().x, places = Array.from({ length: 9 }, (_, i) => (x.log ? limits[0] * (limits[1] / limits[0]) ** (i / 8) : limits[0] + i / 8 * (limits[1] - limits[0])));
    return { head: [`${y.label} at ${x.label}`, ...places.map((v) => format(Number(v.toPrecision(3))))], rows: series.map((s) => [s.title, ...places.map((v) => { const at = valueNear(s, v); return Number.isNaN(at) ? "–" : format(at, y.key); })]) };
  }
}

function press(event, actions) {
  if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[event.key]();
}

// Limits of all that is drawn, with a margin.
function wholeOf({ x, y, series, levels = [], marks, boxes = [] }) {
  const limits = (axis, values, margin) => {
    const seen = extent(axis.log ? values.filter((v) => v > 0) : values) || (axis.log ? [1, 10] : [0, 1]);
    if (axis.ticks) return [-0.6, axis.ticks.length - 0.4];
    const f = axis.log ? Math.log10 : (v) => v, [low, high] = seen.map(f), pad = (high - low) * margin || Math.abs(high) * 0.05 || 0.5;
    return [low - pad, high + pad].map((v) => (axis.log ? 10 ** v : v));
  };
  const of = (pick) => series.flatMap((s) => extent(x.log || y.log ? pick(s).filter((v) => v > 0) : pick(s)) || []);
  return {
    x: limits(x, [...of((s) => s.xs), ...marks.map((m) => m.x)], 0.015),
    y: limits(y, [...of((s) => s.ys), ...series.flatMap((s) => (s.band || []).flatMap((b) => extent(b) || [])), ...levels.map((l) => l.y), ...marks.map((m) => m.y), ...boxes.flatMap((b) => [b.low, b.high])], 0.05),
  };
}

function valueNear(s, x) {
  if (!s.xs.length || x < s.xs[0] || x > s.xs[s.xs.length - 1]) return NaN;
  const i = indexAt(s.xs, x), next = Math.min(i + 1, s.xs.length - 1);
  return x - s.xs[i] <= s.xs[next] - x || Number.isNaN(s.ys[next]) ? s.ys[i] : s.ys[next];
}

// Of the points in one column of pixels, the highest and the lowest are drawn.
function traceSeries(p, s, map) {
  let [column, low, high, drawing] = [NaN, NaN, NaN, false];
  const flush = () => {
    if (Number.isNaN(column)) return;
    if (drawing) p.lineTo(column, high); else p.moveTo(column, high);
    if (low !== high) p.lineTo(column, low);
    [drawing, column] = [true, NaN];
  };
  const [from, to] = [0, map.width].map((edge, i) => edge + (i ? 2 : -2));
  for (let k = 0; k < s.xs.length; k++) {
    let x = map.x(s.xs[k]);
    if (x < from && k + 1 < s.xs.length && map.x(s.xs[k + 1]) < from) continue;
    x = Math.round(x * 2) / 2;
    const y = map.y(s.ys[k]);
    if (!Number.isFinite(x) || !Number.isFinite(y)) { flush(); drawing = false; continue; }
    if (x === column) { low = Math.max(low, y); high = Math.min(high, y); continue; }
    flush();
    [column, low, high] = [x, y, y];
    if (x > to) break;
  }
  flush();
}

function traceBand(p, { xs, band: [low, high] }, map) {
  const at = [...xs.keys()].filter((i) => Number.isFinite(map.y(low[i])) && Number.isFinite(map.y(high[i])) && Number.isFinite(map.x(xs[i])));
  at.forEach((i, k) => (k ? p.lineTo(map.x(xs[i]), map.y(high[i])) : p.moveTo(map.x(xs[i]), map.y(high[i]))));
  at.reverse().forEach((i) => p.lineTo(map.x(xs[i]), map.y(low[i])));
  p.closePath();
}

function paintLevel(pen, { y, text }, map) {
  const at = map.y(y), colour = css("--faint");
  pen.line((p) => { p.moveTo(0, at); p.lineTo(map.width, at); }, { colour, width: 1, dash: [2, 4] });
  pen.text(`${text} ${y.toFixed(2)}`, 6, at - 5, colour);
}

// Quartiles, median, and the whole range.
function paintBox(pen, { x, low, q1, median, q3, high, colour }, map) {
  const half = Math.min(24, 0.3 * (map.x(x + 1) - map.x(x))), at = map.x(x);
  pen.area((p) => { p.moveTo(at - half, map.y(q1)); p.lineTo(at + half, map.y(q1)); p.lineTo(at + half, map.y(q3)); p.lineTo(at - half, map.y(q3)); p.closePath(); }, colour, 0.25);
  pen.line((p) => { for (const [a, b] of [[low, q1], [q3, high]]) { p.moveTo(at, map.y(a)); p.lineTo(at, map.y(b)); } }, { colour, width: 1 });
  pen.line((p) => { p.moveTo(at - half, map.y(median)); p.lineTo(at + half, map.y(median)); }, { colour, width: 2.5 });
}

function canvasPen(c) {
  return {
    line(trace, { colour, width, alpha = 1, dash = [] }) {
      Object.assign(c, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha, lineJoin: "bevel" });
      c.setLineDash(dash);
      c.beginPath();
      trace(c);
      c.stroke();
      c.globalAlpha = 1;
      c.setLineDash([]);
    },
    area(trace, colour, alpha, edge = null) {
      Object.assign(c, { fillStyle: colour, globalAlpha: alpha });
      c.beginPath();
      trace(c);
      c.fill();
      c.globalAlpha = 1;
      if (edge) { Object.assign(c, { strokeStyle: edge, lineWidth: 1.5 }); c.stroke(); }
    },
    text(text, x, y, colour) { Object.assign(c, { fillStyle: colour, font: FONT, textAlign: "left", textBaseline: "alphabetic" }); c.fillText(text, x, y); },
  };
}

// The same strokes as text; `String(pen)` is what has been painted.
function svgPen() {
  const parts = [], round = (v) => Number(v.toFixed(1));
  const path = (trace) => {
    const d = [];
    trace({ moveTo: (x, y) => d.push(`M${round(x)} ${round(y)}`), lineTo: (x, y) => d.push(`L${round(x)} ${round(y)}`), closePath: () => d.push("Z") });
    return d.join("");
  };
  return {
    line(trace, { colour, width, alpha = 1, dash = [] }) { parts.push(`<path d="${path(trace)}" fill="none" stroke="${colour}" stroke-width="${width}" opacity="${alpha}" stroke-dasharray="${dash.join(" ") || "none"}"/>`); },
    area(trace, colour, alpha, edge = null) { parts.push(`<path d="${path(trace)}" fill="${colour}" fill-opacity="${alpha}"${edge ? ` stroke="${edge}" stroke-width="1.5"` : ""}/>`); },
    text(text, x, y, colour, anchor = "start") { parts.push(`<text x="${round(x)}" y="${round(y)}" fill="${colour}" text-anchor="${anchor}">${escapeText(text)}</text>`); },
    toString: () => parts.join(""),
  };
}

function svgText(width, height, inside) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="${css("--paper")}"/>${inside}</svg>`;
}
