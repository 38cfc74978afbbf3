// A zoomable line chart on a canvas: series, marks, reference lines.
//
// A drawing is { x: {label, log}, y: {label, log}, series, marks, levels, cursor } with
//   series  { name, colour, xs, ys, dashed, faint }
//   marks   { x, y, colour, sign: "peak" | "drop" | "end" | "stopped", text }
//   levels  { y, text }

const MARGIN = { left: 58, right: 14, top: 10, bottom: 42 };
const NEAR = 14; // pixels within which the pointer is on something

class Chart {
  constructor(label, onPick = () => {}) {
    this.canvas = element("canvas", { tabindex: 0, role: "img", "aria-label": label });
    this.onPick = onPick;
    this.zoomed = null;
    this.drawing = null;
    const tools = element("div", { class: "tools" },
      button("+", () => this.zoom(0.6), { title: "zoom in (+)", "aria-label": "zoom in" }),
      button("−", () => this.zoom(1 / 0.6), { title: "zoom out (-)", "aria-label": "zoom out" }),
      button("reset", () => this.reset(), { title: "whole curve (0)" }));
    this.node = element("div", { class: "chart" }, tools, this.canvas);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  show(drawing) {
    const { x, y } = this.drawing || {};
    if (!x || x.label !== drawing.x.label || y.label !== drawing.y.label || x.log !== drawing.x.log) this.zoomed = null;
    this.drawing = drawing;
    this.draw();
  }

  // Limits of both axes, as they are drawn: of a logarithmic axis, the logarithms.
  limits() {
    if (this.zoomed) return this.zoomed;
    const { series, levels, marks } = this.drawing;
    const [x, y] = [this.drawing.x.log, this.drawing.y.log].map((log) => (values) => positiveExtent(values, log));
    const xs = extent(series.flatMap((s) => x(s.xs))) || [0, 1];
    const all = extent([...series.flatMap((s) => y(s.ys)), ...y(levels.map((l) => l.y)), ...y(marks.map((m) => m.y))]) || [0, 1];
    const pad = (all[1] - all[0]) * 0.05 || 0.5;
    const side = (xs[1] - xs[0]) * 0.015 || 1;
    return { x: [xs[0] - side, xs[1] + side], y: [all[0] - pad, all[1] + pad] };
  }

  toX(v) { return this.drawing.x.log ? (v > 0 ? Math.log10(v) : NaN) : v; }
  toY(v) { return this.drawing.y.log ? (v > 0 ? Math.log10(v) : NaN) : v; }

  // Where the curves are; the size is read once for each drawing.
  get inner() {
    const { w, h } = this.size;
    return { left: MARGIN.left, top: MARGIN.top, width: w - MARGIN.left - MARGIN.right, height: h - MARGIN.top - MARGIN.bottom };
  }

  px(v) { const { x } = this.now, i = this.inner; return i.left + (v - x[0]) / (x[1] - x[0]) * i.width; }
  py(v) { const { y } = this.now, i = this.inner; return i.top + (1 - (v - y[0]) / (y[1] - y[0])) * i.height; }
  atX(p) { const { x } = this.now, i = this.inner; return x[0] + (p - i.left) / i.width * (x[1] - x[0]); }
  atY(p) { const { y } = this.now, i = this.inner; return y[0] + (1 - (p - i.top) / i.height) * (y[1] - y[0]); }

  draw() {
    if (!this.drawing || !this.canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    this.size = { w, h };
    this.canvas.width = w * ratio;
    this.canvas.height = h * ratio;
    const c = this.context = this.canvas.getContext("2d");
    c.scale(ratio, ratio);
    c.font = "12px system-ui, sans-serif";
    this.now = this.limits();
    this.colours = { ink: css("--ink"), faint: css("--faint"), rule: css("--rule"), accent: css("--accent"), paper: css("--paper") };
    this.drawAxes();
    c.save();
    c.beginPath();
    const i = this.inner;
    c.rect(i.left, i.top, i.width, i.height);
    c.clip();
    this.drawLevels();
    this.drawing.series.forEach((s) => this.drawSeries(s));
    this.drawing.marks.forEach((m) => this.drawMark(m));
    if (isNumber(this.drawing.cursor)) this.drawCursor(this.px(this.toX(this.drawing.cursor)));
    c.restore();
    if (!this.drawing.series.length) {
      c.fillStyle = this.colours.faint;
      c.fillText("no curve to show", i.left + 12, i.top + 24);
    }
  }

  drawAxes() {
    const c = this.context, i = this.inner, { ink, faint, rule } = this.colours;
    c.lineWidth = 1;
    c.textBaseline = "middle";
    for (const [axis, size] of [["x", i.width / 75], ["y", i.height / 45]]) {
      for (const [v, text] of ticks(this.now[axis], Math.max(2, size), this.drawing[axis].log)) {
        const p = axis === "x" ? this.px(v) : this.py(v);
        c.strokeStyle = rule;
        c.beginPath();
        if (axis === "x") { c.moveTo(p, i.top); c.lineTo(p, i.top + i.height); }
        else { c.moveTo(i.left, p); c.lineTo(i.left + i.width, p); }
        c.stroke();
        c.fillStyle = faint;
        c.textAlign = axis === "x" ? "center" : "right";
        if (axis === "x") c.fillText(text, p, i.top + i.height + 13);
        else c.fillText(text, i.left - 7, p);
      }
    }
    c.fillStyle = ink;
    c.textAlign = "center";
    c.fillText(this.drawing.x.label, i.left + i.width / 2, i.top + i.height + 31);
    c.save();
    c.translate(11, i.top + i.height / 2);
    c.rotate(-Math.PI / 2);
    c.fillText(this.drawing.y.label, 0, 0);
    c.restore();
  }

  drawLevels() {
    const c = this.context, i = this.inner;
    c.setLineDash([2, 4]);
    c.textAlign = "left";
    for (const level of this.drawing.levels) {
      const p = this.py(this.toY(level.y));
      c.strokeStyle = c.fillStyle = this.colours.faint;
      c.beginPath();
      c.moveTo(i.left, p);
      c.lineTo(i.left + i.width, p);
      c.stroke();
      c.fillText(`${level.text} ${level.y.toFixed(2)}`, i.left + 6, p - 8);
    }
    c.setLineDash([]);
  }

  drawSeries(s) {
    const c = this.context;
    const other = this.picked && this.picked !== s.name;
    c.strokeStyle = s.colour;
    c.globalAlpha = other ? 0.15 : s.faint ? 0.6 : 1;
    c.lineWidth = this.picked === s.name ? 2.6 : s.faint ? 1 : 1.8;
    c.setLineDash(s.dashed ? [6, 4] : []);
    c.lineJoin = "bevel";
    c.beginPath();
    this.traceSeries(s);
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  // Of the points that fall into the same column of pixels, the highest and the lowest are drawn.
  traceSeries(s) {
    const c = this.context, i = this.inner, { x: [x0, x1], y: [y0, y1] } = this.now;
    const [toX, toY] = [this.drawing.x.log, this.drawing.y.log].map((log) => (log ? Math.log10 : (v) => v));
    const [kx, ky] = [i.width / (x1 - x0), -i.height / (y1 - y0)];
    let [column, low, high, drawing] = [NaN, NaN, NaN, false];
    const flush = () => {
      if (Number.isNaN(column)) return;
      if (drawing) c.lineTo(column, high); else c.moveTo(column, high);
      if (low !== high) c.lineTo(column, low);
      drawing = true;
      column = NaN;
    };
    for (let k = 0; k < s.xs.length; k++) {
      const x = Math.round((i.left + (toX(s.xs[k]) - x0) * kx) * 2) / 2;
      const y = i.top + i.height + (toY(s.ys[k]) - y0) * ky;
      if (!Number.isFinite(x) || !Number.isFinite(y)) { flush(); drawing = false; continue; }
      if (x === column) { low = Math.max(low, y); high = Math.min(high, y); continue; }
      flush();
      [column, low, high] = [x, y, y];
    }
    flush();
  }

  drawMark(m) {
    const c = this.context, [x, y] = [this.px(this.toX(m.x)), this.py(this.toY(m.y))];
    c.globalAlpha = this.picked && this.picked !== m.name ? 0.2 : 1;
    c.fillStyle = m.colour;
    c.strokeStyle = this.colours.paper;
    c.lineWidth = 1.5;
    c.beginPath();
    tracePoint(c, m.sign, x, y);
    c.fill();
    c.stroke();
    c.globalAlpha = 1;
  }

  drawCursor(x) {
    const c = this.context, i = this.inner;
    c.strokeStyle = this.colours.accent;
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, i.top);
    c.lineTo(x, i.top + i.height);
    c.stroke();
  }

  zoom(factor, [x, y] = [0.5, 0.5], axes = "xy") {
    const { x: [x0, x1], y: [y0, y1] } = this.now;
    const part = (low, high, share) => {
      const at = low + share * (high - low);
      return [at - (at - low) * factor, at + (high - at) * factor];
    };
    this.zoomed = { x: axes.includes("x") ? part(x0, x1, x) : [x0, x1], y: axes.includes("y") ? part(y0, y1, y) : [y0, y1] };
    this.draw();
  }

  pan(dx, dy) {
    const { x: [x0, x1], y: [y0, y1] } = this.now;
    const [sx, sy] = [dx * (x1 - x0), dy * (y1 - y0)];
    this.zoomed = { x: [x0 + sx, x1 + sx], y: [y0 + sy, y1 + sy] };
    this.draw();
  }

  reset() { this.zoomed = null; this.draw(); }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls
      event.preventDefault();
      const [p, i] = [pointIn(canvas, event), this.inner];
      this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, [(p.x - i.left) / i.width, 1 - (p.y - i.top) / i.height]);
    }, { passive: false });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("pointerdown", (event) => this.startBox(event));
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", (event) => { tell(event, ""); this.pick(null); });
  }

  press(event) {
    const actions = {
      "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), "0": () => this.reset(),
      ArrowLeft: () => this.pan(-0.1, 0), ArrowRight: () => this.pan(0.1, 0),
      ArrowUp: () => this.pan(0, 0.1), ArrowDown: () => this.pan(0, -0.1),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  startBox(event) {
    if (event.button !== 0 || event.pointerType === "touch") return;
    this.canvas.focus({ preventScroll: true });
    this.box = { from: pointIn(this.canvas, event) };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointerup", () => this.endBox(), { once: true });
  }

  endBox() {
    const { from, to } = this.box;
    this.box = null;
    if (to && Math.abs(to.x - from.x) > 6 && Math.abs(to.y - from.y) > 6) {
      const [xs, ys] = [[this.atX(from.x), this.atX(to.x)], [this.atY(from.y), this.atY(to.y)]];
      this.zoomed = { x: xs.sort((a, b) => a - b), y: ys.sort((a, b) => a - b) };
    } else if (this.picked) this.onPick(this.picked);
    this.draw();
  }

  hover(event) {
    const at = pointIn(this.canvas, event);
    if (this.box) {
      this.box.to = at;
      this.draw();
      const c = this.context, { from } = this.box;
      c.fillStyle = this.colours.accent;
      c.globalAlpha = 0.18;
      c.fillRect(from.x, from.y, at.x - from.x, at.y - from.y);
      c.globalAlpha = 1;
      return;
    }
    const found = this.nearest(at);
    this.pick(found && found.name);
    tell(event, found ? found.text : "");
  }

  pick(name) {
    if (this.picked === name) return;
    this.picked = name;
    this.draw();
  }

  nearest(at) {
    if (!this.drawing || !this.now) return null;
    let [best, least] = [null, NEAR];
    const consider = (x, y, name, text) => {
      const distance = Math.hypot(x - at.x, y - at.y);
      if (distance < least) { least = distance; best = { name, text: text() }; }
    };
    const { x, y } = this.drawing;
    for (const s of this.drawing.series) {
      for (let k = 0; k < s.xs.length; k++) {
        const p = this.px(this.toX(s.xs[k]));
        if (Math.abs(p - at.x) > NEAR) continue;
        consider(p, this.py(this.toY(s.ys[k])), s.name,
          () => `${s.title}\n${x.label} ${format(s.xs[k])}, ${y.label} ${format(s.ys[k], y.key)}`);
      }
    }
    least = Math.max(0, least - 1);
    for (const m of this.drawing.marks) {
      if (Math.hypot(this.px(this.toX(m.x)) - at.x, this.py(this.toY(m.y)) - at.y) < 9) return { name: m.name, text: m.text };
    }
    return best;
  }
}
