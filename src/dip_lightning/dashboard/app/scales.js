// Colours, limits, ticks and axes, and the outlines of marks.

// Each is told from white and from the dark paper by a contrast above 3.5.
const LINES = [
  "#3b7dd8",
  "#c96a12",
  "#3f8f3f",
  "#d64550",
  "#8e63c4",
  "#1d8f8c",
  "#c2568c",
  "#8f7d12",
  "#96694f",
  "#707a86",
];

function lineColour(index) {
  return LINES[index % LINES.length];
}

// Viridis, nine of its colours.
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

function scaleColour(share) {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const mixed = VIRIDIS[i].map((c, k) => Math.round(c + (at - i) * (VIRIDIS[i + 1][k] - c)));
  return `rgb(${mixed.join(",")})`;
}

// The part of it that can be seen as a line: its yellow is lost on white, its violet on black.
function strokeColour(share) {
  return scaleColour(isDark() ? 0.36 + 0.64 * share : 0.6 * share);
}

function strokeStops() {
  return [0, 0.25, 0.5, 0.75, 1].map(strokeColour).join(",");
}

function inkOn(share) {
  return share > 0.46 ? "#111" : "#fff";
}

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? [low, high] : null;
}

// With as many digits as tell the thousandth part of the limits.
function roundedIn([low, high], value) {
  const digits = Math.ceil(3 - Math.log10(high - low));
  return Number(value.toFixed(Math.min(20, Math.max(0, digits || 0))));
}

function shareIn(limits, value) {
  return limits[0] < limits[1] ? (value - limits[0]) / (limits[1] - limits[0]) : 0.5;
}

// The colour of each unit by a key: numbers along the scale, names and single runs by turns.
function colouring(units, key) {
  if (key === "run") return { of: (unit) => lineColour(units.indexOf(unit)), entries: null };
  const names = distinct(units, key),
    values = names.map((text) =>
      valueOf(
        units.find((unit) => textOf(unit, key) === text),
        key,
      ),
    ),
    numbers = values.filter((value) => value !== null);
  const numeric = numbers.length > 2 && numbers.every(isNumber);
  const colour = (text) => {
    const i = names.indexOf(text);
    if (i < 0 || (numeric && values[i] === null)) return css("--faint");
    return numeric ? strokeColour(i / (numbers.length - 1)) : lineColour(i);
  };
  return {
    of: (unit) => colour(textOf(unit, key)),
    entries: names.map((text) => [`${nameOf(key)} ${text}`, colour(text)]),
  };
}

const FEW = 8;
let axisCache = new Map();

// How a key is laid out: few values and names in order, other numbers by themselves or their logarithm.
function axisOf(key) {
  if (!axisCache.has(key)) axisCache.set(key, makeAxis(key));
  return axisCache.get(key);
}

function makeAxis(key) {
  const values = RUNS.map((run) => valueOf(run, key)).filter((v) => v !== null);
  const limits = extent(values),
    few = new Set(values.map((v) => format(v))).size <= FEW;
  if (limits && values.every(isNumber) && limits[0] < limits[1] && (METRICS.includes(key) || !few)) {
    const log = limits[0] > 0 && limits[1] / limits[0] >= 20;
    const to = log ? Math.log : (v) => v;
    const [low, high] = limits.map(to);
    const at = (share) => (log ? Math.exp(low + share * (high - low)) : low + share * (high - low));
    const between = (value) => (log ? Number(value.toPrecision(4)) : roundedIn(limits, value));
    const rounded = (share) => (share <= 0 ? limits[0] : share >= 1 ? limits[1] : between(at(share)));
    return {
      place: (v) => (isNumber(v) ? (to(v) - low) / (high - low) : null),
      at: rounded,
      marks: [0, 0.25, 0.5, 0.75, 1].map(at),
      log,
      names: null,
    };
  }
  const names = distinct(RUNS, key);
  const marks = names.map((text) => values.find((v) => format(v) === text) ?? null);
  const place = (v) => {
    const i = names.indexOf(v === null ? NONE : format(v));
    return i < 0 ? null : names.length === 1 ? 0.5 : i / (names.length - 1);
  };
  return { place, at: null, marks, log: false, names };
}

function pointIn(node, event) {
  const box = node.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

// The outline of a mark; the legend of the chart uses it, too.
function tracePoint(c, sign, x, y, r = 6) {
  const corners = {
    peak: [
      [0, -1],
      [1, 0.8],
      [-1, 0.8],
    ],
    drop: [
      [0, 1],
      [1, -0.8],
      [-1, -0.8],
    ],
    stopped: [
      [0, -1],
      [1, 0],
      [0, 1],
      [-1, 0],
    ],
    end: [
      [-0.7, -0.7],
      [0.7, -0.7],
      [0.7, 0.7],
      [-0.7, 0.7],
    ],
    point: Array.from({ length: 12 }, (_, i) => [0.7 * Math.cos((i * Math.PI) / 6), 0.7 * Math.sin((i * Math.PI) / 6)]),
  }[sign];
  corners.forEach(([dx, dy], i) => (i ? c.lineTo(x + r * dx, y + r * dy) : c.moveTo(x + r * dx, y + r * dy)));
  c.closePath();
}

const MIB = 2 ** 20;

// Round values between limits, with their text; of a logarithmic axis, of its decades; of bytes, in MiB.
function ticks([low, high], count, log, key = "") {
  if (/bytes$/.test(key))
    return ticks([low / MIB, high / MIB], count, log).map(([v, text]) => [v * MIB, `${text} MiB`]);
  if (!log) {
    const step = niceStep((high - low) / count),
      first = Math.ceil(low / step - 1e-9),
      found = [];
    for (let i = 0; i < 100 && (first + i) * step <= high + 1e-9 * step; i++)
      found.push(Number(((first + i) * step).toPrecision(10)));
    return found.map((v) => [v, format(v)]);
  }
  const [from, to] = [Math.log10(low), Math.log10(high)],
    found = [];
  const parts = to - from < count / 3 ? [1, 2, 5] : [1],
    every = Math.max(1, Math.ceil((to - from) / count));
  for (let k = Math.max(-300, Math.floor(from)); k <= Math.min(300, to); k++) {
    if (k % every === 0) found.push(...parts.map((part) => part * 10 ** k).filter((v) => v >= low && v <= high));
  }
  return found.length > 1
    ? found.map((v) => [v, format(Number(v.toPrecision(6)))])
    : ticks([low, high], count, false).filter(([v]) => v > 0);
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough * 0.999);
}
