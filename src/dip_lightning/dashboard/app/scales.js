// Limits, ticks and the outlines of marks.

// Limits of values, of their logarithms where asked; empty without any.
function positiveExtent(values, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [];
  return log ? [Math.log10(low), Math.log10(high)] : [low, high];
}

function pointIn(node, event) {
  const box = node.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

// The outline of a mark; the legend of the chart uses it, too.
function tracePoint(c, sign, x, y, r = 6) {
  if (sign === "peak") { c.moveTo(x, y - r); c.lineTo(x + r, y + r * 0.8); c.lineTo(x - r, y + r * 0.8); }
  else if (sign === "drop") { c.moveTo(x, y + r); c.lineTo(x + r, y - r * 0.8); c.lineTo(x - r, y - r * 0.8); }
  else if (sign === "stopped") { c.moveTo(x, y - r); c.lineTo(x + r, y); c.lineTo(x, y + r); c.lineTo(x - r, y); }
  else c.rect(x - r * 0.7, y - r * 0.7, r * 1.4, r * 1.4);
  c.closePath();
}

// Round values between limits, with their text; of a logarithmic axis, powers of ten.
function ticks([low, high], count, log) {
  const step = niceStep((high - low) / count);
  const found = [];
  if (log && high - low >= 1.5) {
    const every = Math.max(1, Math.round(step));
    for (let v = Math.ceil(low); v <= high; v += every) found.push([v, powerText(v)]);
    return found;
  }
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    const v = k * step;
    found.push([v, log ? format(10 ** v) : format(Number(v.toPrecision(10)))]);
  }
  return found;
}

function powerText(v) { return v >= 0 && v < 6 ? String(10 ** v) : `1e${v}`; }

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough * 0.999);
}
