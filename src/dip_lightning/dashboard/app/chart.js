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
const LEGEND = 40; // names in a saved drawing
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
    const tools = element(
      "div",
      { class: "tools" },
      button("+", () => this.zoom(0.6), { title: "zoom in (+)", "aria-label": "zoom in" }),
      button("−", () => this.zoom(1 / 0.6), { title: "zoom out (-)", "aria-label": "zoom out" }),
      button("reset", () => this.setZoom(null), { title: "all of it (0)" }),
      ...exportButtons(label, () => this.export()),
    );
    this.words = dataTable(label, () => this.table());
    this.node = element("div", { class: "chart" }, tools, this.box, this.words.node);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  // Draws something new; the zoom stays as long as the axes are the same.
  show(drawing) {
    const kind = (d) => d && [d.x.label, d.y.label, d.x.log, d.y.log].join();
    if (this.drawing && kind(this.drawing) !== kind(drawing)) this.zoomed = null;
    this.pick(null); // what was picked need not be there any more
    this.drawing = drawing;
    this.whole = wholeOf(drawing);
    dropCharts();
    if (this.u) this.u.destroy();
    this.u = null;
    charts.delete(this);
    this.resize();
    this.words.renew();
  }

  resize() {
    const width = this.box.clientWidth;
    if (!width || !this.drawing) return;
    if (!this.u) this.make(width);
    else if (width !== this.u.width) {
      this.pick(null);
      this.u.setSize({ width, height: this.height });
    } else return;
    this.box.dataset.drawn = width;
  }

  make(width) {
    const colour = css("--faint"),
      rule = css("--rule");
    // As wide as the longest of its texts.
    const across = (_, texts) => Math.max(48, ...(texts || []).map((text) => 7 * text.length + 14));
    const axis = (name, size) => ({
      scale: name,
      size,
      stroke: colour,
      font: FONT,
      labelFont: FONT,
      label: this.drawing[name].label,
      labelSize: 20,
      gap: 4,
      grid: { stroke: rule, width: 1 },
      ticks: { stroke: rule, width: 1, size: 4 },
      splits: () => this.ticksOf(name).map(([v]) => v),
      values: () => this.ticksOf(name).map(([, text]) => text),
      filter: (_, splits) => splits,
    });
    const scale = (name) => ({ time: false, distr: this.drawing[name].log ? 3 : 1, range: () => this.limits()[name] });
    const { x, y } = this.limits();
    this.u = new uPlot(
      {
        width,
        height: this.height,
        legend: { show: false },
        pxAlign: false,
        cursor: { drag: { x: true, y: true, uni: 12, setScale: false, dist: 5 }, points: { show: false } },
        scales: { x: scale("x"), y: scale("y") },
        axes: [axis("x", 32), axis("y", across)],
        series: [{}, { show: true, paths: () => null, points: { show: false } }],
        hooks: { draw: [() => this.draw()], setSelect: [() => this.select()], setCursor: [() => this.hover()] },
      },
      [x, y],
      this.box,
    );
    charts.add(this);
    this.u.over.append(this.overlay);
    this.u.over.addEventListener("click", () => this.picked && !this.dragged && this.onPick(this.picked));
    this.u.over.addEventListener("dblclick", () => this.setZoom(null));
    this.u.over.addEventListener("mouseleave", () => {
      tell({});
      this.pick(null);
    });
  }

  limits() {
    return this.zoomed && this.canShow(this.zoomed)
      ? { x: this.zoomed.slice(0, 2), y: this.zoomed.slice(2) }
      : this.whole;
  }

  canShow(zoom) {
    return ["x", "y"].every((name, i) => !this.drawing[name].log || zoom[2 * i] > 0);
  }

  ticksOf(name) {
    const { ticks: given, log, key } = this.drawing[name],
      limits = this.limits()[name];
    if (given) return given.filter(([v]) => v >= limits[0] && v <= limits[1]);
    const { width, height } = this.plot();
    return ticks(limits, Math.max(2, name === "x" ? width / 80 : height / 45), log, key);
  }

  // Where the curves are, in CSS pixels of the whole.
  plot() {
    const { left, top, width, height } = this.u.bbox,
      ratio = uPlot.pxRatio;
    return { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
  }

  // From values to pixels of the plot.
  get map() {
    const { width, height } = this.plot(),
      { x, y } = this.limits();
    const part = ([low, high], log, from, to) => {
      const f = log ? Math.log10 : (v) => v,
        k = (to - from) / (f(high) - f(low)),
        base = f(low);
      return (v) => from + (f(v) - base) * k;
    };
    return { x: part(x, this.drawing.x.log, 0, width), y: part(y, this.drawing.y.log, height, 0), width, height };
  }

  draw() {
    if (!this.u) return; // let go of between asking and drawing
    const { ctx: c, bbox } = this.u,
      ratio = uPlot.pxRatio;
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
    const { levels = [], boxes = [], series, marks, cursor, x } = this.drawing,
      map = this.map,
      of = (item) => !only || item.name === only;
    if (!only) levels.forEach((level) => paintLevel(pen, level, map));
    if (!only) boxes.forEach((box) => paintBox(pen, box, map));
    for (const s of series.filter((s) => s.band && of(s))) pen.area((p) => traceBand(p, s, map), s.colour, 0.18);
    for (const faint of [true, false]) {
      for (const s of series.filter((s) => of(s) && Boolean(s.faint) === faint)) {
        pen.line((p) => traceSeries(p, s, map), {
          colour: s.colour,
          width: only ? 2.6 : faint ? 1 : 1.8,
          alpha: faint ? 0.5 : 1,
          dash: s.dashed ? [6, 4] : [],
        });
      }
    }
    for (const m of marks.filter(of))
      pen.area((p) => tracePoint(p, m.sign, map.x(m.x), map.y(m.y)), m.colour, 1, css("--paper"));
    if (isNumber(cursor) && !(x.log && cursor <= 0))
      pen.line(
        (p) => {
          p.moveTo(map.x(cursor), 0);
          p.lineTo(map.x(cursor), map.height);
        },
        { colour: css("--accent"), width: 1.5 },
      );
    if (!series.length && !marks.length) pen.text("nothing to show", 12, 24, css("--faint"));
  }

  // Everything else fades under a veil, which costs nothing however much there is.
  pick(name) {
    if (this.picked === name || !this.u) return;
    this.picked = name;
    this.u.over.style.cursor = name ? "pointer" : "";
    const { width, height } = this.plot(),
      ratio = uPlot.pxRatio;
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
    const map = this.map,
      { x, y, series, marks } = this.drawing;
    const mark = marks.find((m) => Math.hypot(map.x(m.x) - left, map.y(m.y) - top) < 9);
    if (mark) return { name: mark.name, lines: [mark.text] };
    const at = this.u.posToVal(left, "x"),
      bold = series.filter((s) => !s.faint);
    const values = (bold.length ? bold : series)
      .map((s) => ({ s, y: valueNear(s, at) }))
      .filter((v) => !Number.isNaN(v.y));
    if (!values.length) return { name: null, lines: [] };
    const far = (v) => Math.abs(map.y(v.y) - top);
    values.sort((a, b) => far(a) - far(b));
    const near = far(values[0]) < NEAR ? values[0].s.name : null;
    const listed = values.slice(0, LISTED).sort((a, b) => b.y - a.y);
    const lines = listed.map((v) =>
      element(
        "div",
        { class: v.s.name === near ? "near" : "" },
        element("span", { class: "swatch", style: `background:${v.s.colour}` }),
        `${format(v.y, y.key)}  ${v.s.title}`,
      ),
    );
    const more = values.length > LISTED ? [`and ${values.length - LISTED} more`] : [];
    return {
      name: near,
      lines: [element("b", {}, `${x.label} ${placeText(at, x, this.limits().x)}`), ...lines, ...more],
    };
  }

  select() {
    if (!this.u) return;
    const { left, top, width, height } = this.u.select;
    this.dragged = width > 0 || height > 0;
    if (!this.dragged) return;
    setTimeout(() => {
      this.dragged = false;
    });
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
    this.words.renew();
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
    const { x, y } = this.limits(),
      drawing = this.drawing;
    const part = (name, [low, high], share, move) => {
      const [f, back] = drawing[name].log ? [Math.log10, (v) => 10 ** v] : [(v) => v, (v) => v],
        [a, b] = [f(low), f(high)],
        at = a + share * (b - a) + move * (b - a);
      return [back(at - share * (b - a) * factor), back(at + (1 - share) * (b - a) * factor)];
    };
    this.setZoom([...part("x", x, ax, dx), ...part("y", y, ay, dy)]);
  }

  listen() {
    this.box.addEventListener(
      "wheel",
      (event) => {
        if (!this.u || (!event.ctrlKey && document.activeElement !== this.box)) return; // the page scrolls
        event.preventDefault();
        const p = pointIn(this.u.over, event),
          { width, height } = this.plot();
        this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, [p.x / width, 1 - p.y / height]);
      },
      { passive: false },
    );
    this.box.addEventListener("mousedown", () => this.box.focus({ preventScroll: true }));
    this.box.addEventListener("keydown", (event) => {
      const move = (dx, dy) => this.zoom(1, [0.5, 0.5], [dx, dy]);
      press(event, {
        "+": () => this.zoom(0.7),
        "=": () => this.zoom(0.7),
        "-": () => this.zoom(1 / 0.7),
        0: () => this.setZoom(null),
        ArrowLeft: () => move(-0.1, 0),
        ArrowRight: () => move(0.1, 0),
        ArrowUp: () => move(0, 0.1),
        ArrowDown: () => move(0, -0.1),
      });
    });
  }

  export() {
    const { left, top, width, height } = this.plot();
    const names = [...new Map(this.drawing.series.filter((s) => !s.faint).map((s) => [s.title, s.colour]))];
    const shown = names.slice(0, LEGEND);
    const total = this.height + 18 * shown.length + 10;
    const pen = svgPen();
    this.paint(pen);
    const inside = `<svg width="${width}" height="${height}">${pen}</svg>`;
    const frame = `<g transform="translate(${left},${top + 8})">${this.exportAxes()}${inside}</g>`;
    return {
      width: this.u.width,
      height: total,
      svg: svgText(this.u.width, total, `${frame}${exportLegend(shown, left, this.height)}`),
    };
  }

  exportAxes() {
    const { left, width, height } = this.plot();
    const map = this.map;
    const frame = svgPen();
    const [ink, rule] = [css("--ink"), { colour: css("--rule"), width: 1 }];
    for (const [v, text] of this.ticksOf("x")) {
      frame.line(segment(map.x(v), 0, map.x(v), height), rule);
      frame.text(text, map.x(v), height + 16, ink, "middle");
    }
    for (const [v, text] of this.ticksOf("y")) {
      frame.line(segment(0, map.y(v), width, map.y(v)), rule);
      frame.text(text, -6, map.y(v) + 4, ink, "end");
    }
    frame.text(this.drawing.x.label, width / 2, height + 38, ink, "middle");
    frame.text(this.drawing.y.label, -left, -4, ink, "start");
    return frame;
  }

  table() {
    const { x, y, series, marks } = this.drawing;
    if (!series.length)
      return {
        head: ["run", x.label, y.label],
        rows: marks.map((m) => [
          m.text.split("\n")[0],
          x.ticks ? x.ticks[m.x][1] : format(m.x, x.key),
          format(m.y, y.key),
        ]),
      };
    const limits = this.limits().x,
      places = Array.from({ length: 9 }, (_, i) =>
        x.log ? limits[0] * (limits[1] / limits[0]) ** (i / 8) : limits[0] + (i / 8) * (limits[1] - limits[0]),
      );
    return {
      head: [`${y.label} at ${x.label}`, ...places.map((v) => placeText(v, x, limits))],
      rows: series.map((s) => [
        s.title,
        ...places.map((v) => {
          const at = valueNear(s, v);
          return Number.isNaN(at) ? "–" : format(at, y.key);
        }),
      ]),
    };
  }
}

// A place on an axis, as exactly as one can point at it.
function placeText(v, { whole, log }, limits) {
  return format(whole ? Math.round(v) : log ? Number(v.toPrecision(4)) : roundedIn(limits, v));
}

function exportLegend(names, left, top) {
  const legend = svgPen();
  names.forEach(([text, colour], i) => {
    const y = top + 10 + 18 * i;
    legend.line(segment(left, y, left + 18, y), { colour, width: 3 });
    legend.text(text, left + 26, y + 4, css("--ink"), "start");
  });
  return legend;
}

// Keeps a chart for each part of a view, by its name: they are made anew where the names are others.
function chartFrames(box, make) {
  let names = null;
  let charts = [];
  return (parts) => {
    const wanted = parts.map(([name]) => name).join("\n");
    if (names !== wanted) {
      names = wanted;
      charts = parts.map(([name]) => make(name, parts.length > 1));
      box.replaceChildren(
        ...parts.map(([name], i) => element("div", {}, name ? element("h2", {}, name) : null, charts[i].node)),
      );
    }
    return charts;
  };
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
    const f = axis.log ? Math.log10 : (v) => v,
      [low, high] = seen.map(f),
      pad = (high - low) * margin || Math.abs(high) * 0.05 || 0.5;
    return [low - pad, high + pad].map((v) => (axis.log ? 10 ** v : v));
  };
  const of = ({ log }, pick) => series.flatMap((s) => extent(log ? pick(s).filter((v) => v > 0) : pick(s)) || []);
  return {
    x: limits(x, [...of(x, (s) => s.xs), ...marks.map((m) => m.x)], 0.015),
    y: limits(
      y,
      [
        ...of(y, (s) => s.ys),
        ...series.flatMap((s) => (s.band || []).flatMap((b) => extent(b) || [])),
        ...levels.map((l) => l.y),
        ...marks.map((m) => m.y),
        ...boxes.flatMap((b) => [b.low, b.high]),
      ],
      0.05,
    ),
  };
}

function valueNear(s, x) {
  if (!s.xs.length || x < s.xs[0] || x > s.xs[s.xs.length - 1]) return NaN;
  const i = indexAt(s.xs, x),
    next = Math.min(i + 1, s.xs.length - 1);
  return x - s.xs[i] <= s.xs[next] - x || Number.isNaN(s.ys[next]) ? s.ys[i] : s.ys[next];
}
