// Strokes of charts, on a canvas or as SVG: curves, bands, levels, boxes.

function segment(x0, y0, x1, y1) {
  return (p) => {
    p.moveTo(x0, y0);
    p.lineTo(x1, y1);
  };
}

// Of the points in one column of pixels, the highest and the lowest are drawn.
function traceSeries(p, s, map) {
  let [column, low, high, drawing] = [NaN, NaN, NaN, false];
  const flush = () => {
    if (Number.isNaN(column)) return;
    if (drawing) p.lineTo(column, high);
    else p.moveTo(column, high);
    if (low !== high) p.lineTo(column, low);
    [drawing, column] = [true, NaN];
  };
  const [from, to] = [0, map.width].map((edge, i) => edge + (i ? 2 : -2));
  for (let k = 0; k < s.xs.length; k++) {
    let x = map.x(s.xs[k]);
    if (x < from && k + 1 < s.xs.length && map.x(s.xs[k + 1]) < from) continue;
    x = Math.round(x * 2) / 2;
    const y = map.y(s.ys[k]);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      flush();
      drawing = false;
      continue;
    }
    if (x === column) {
      low = Math.max(low, y);
      high = Math.min(high, y);
      continue;
    }
    flush();
    [column, low, high] = [x, y, y];
    if (x > to) break;
  }
  flush();
}

function traceBand(p, { xs, band: [low, high] }, map) {
  const at = [...xs.keys()].filter(
    (i) => Number.isFinite(map.y(low[i])) && Number.isFinite(map.y(high[i])) && Number.isFinite(map.x(xs[i])),
  );
  at.forEach((i, k) => (k ? p.lineTo(map.x(xs[i]), map.y(high[i])) : p.moveTo(map.x(xs[i]), map.y(high[i]))));
  at.reverse().forEach((i) => p.lineTo(map.x(xs[i]), map.y(low[i])));
  p.closePath();
}

function paintLevel(pen, { y, text }, map) {
  const at = map.y(y),
    colour = css("--faint");
  pen.line(
    (p) => {
      p.moveTo(0, at);
      p.lineTo(map.width, at);
    },
    { colour, width: 1, dash: [2, 4] },
  );
  pen.text(`${text} ${y.toFixed(2)}`, 6, at - 5, colour);
}

// Quartiles, median, and the whole range.
function paintBox(pen, { x, low, q1, median, q3, high, colour }, map) {
  const half = Math.min(24, 0.3 * (map.x(x + 1) - map.x(x))),
    at = map.x(x);
  pen.area(
    (p) => {
      p.moveTo(at - half, map.y(q1));
      p.lineTo(at + half, map.y(q1));
      p.lineTo(at + half, map.y(q3));
      p.lineTo(at - half, map.y(q3));
      p.closePath();
    },
    colour,
    0.25,
  );
  pen.line(
    (p) => {
      for (const [a, b] of [
        [low, q1],
        [q3, high],
      ]) {
        p.moveTo(at, map.y(a));
        p.lineTo(at, map.y(b));
      }
    },
    { colour, width: 1 },
  );
  pen.line(
    (p) => {
      p.moveTo(at - half, map.y(median));
      p.lineTo(at + half, map.y(median));
    },
    { colour, width: 2.5 },
  );
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
      if (edge) {
        Object.assign(c, { strokeStyle: edge, lineWidth: 1.5 });
        c.stroke();
      }
    },
    text(text, x, y, colour) {
      Object.assign(c, { fillStyle: colour, font: FONT, textAlign: "left", textBaseline: "alphabetic" });
      c.fillText(text, x, y);
    },
  };
}

// The same strokes as text; `String(pen)` is what has been painted.
function svgPen() {
  const parts = [],
    round = (v) => Number(v.toFixed(1));
  const path = (trace) => {
    const d = [];
    trace({
      moveTo: (x, y) => d.push(`M${round(x)} ${round(y)}`),
      lineTo: (x, y) => d.push(`L${round(x)} ${round(y)}`),
      closePath: () => d.push("Z"),
    });
    return d.join("");
  };
  return {
    line(trace, { colour, width, alpha = 1, dash = [] }) {
      parts.push(
        `<path d="${path(trace)}" fill="none" stroke="${colour}" stroke-width="${width}" opacity="${alpha}" stroke-dasharray="${dash.join(" ") || "none"}"/>`,
      );
    },
    area(trace, colour, alpha, edge = null) {
      parts.push(
        `<path d="${path(trace)}" fill="${colour}" fill-opacity="${alpha}"${edge ? ` stroke="${edge}" stroke-width="1.5"` : ""}/>`,
      );
    },
    text(text, x, y, colour, anchor = "start") {
      parts.push(
        `<text x="${round(x)}" y="${round(y)}" fill="${colour}" text-anchor="${anchor}">${escapeText(text)}</text>`,
      );
    },
    toString: () => parts.join(""),
  };
}

function svgText(width, height, inside) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="${css("--paper")}"/>${inside}</svg>`;
}
