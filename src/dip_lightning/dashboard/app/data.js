// What the page was given, and how its values are read and written.

let DATA, RUNS, RUN_BY_ID, METRICS, SWEPT, PROBLEM;

// Of every other metric, less is better.
const LARGER_IS_BETTER = /^(psnr|ssim)|per_second$|similarity$/;
const NAMES = {
  psnr_result: "PSNR, result",
  psnr_average: "PSNR, averaged",
  psnr: "PSNR, last",
  psnr_best: "PSNR, oracle peak",
  psnr_y_result: "PSNR-Y, result",
  psnr_y_average: "PSNR-Y, averaged",
  psnr_y: "PSNR-Y, last",
  ssim_result: "SSIM, result",
  ssim_average: "SSIM, averaged",
  ssim: "SSIM, last",
  seconds: "time (s)",
  iterations_per_second: "iterations / s",
  loss: "loss, last",
  iterations: "iterations",
  iteration_best: "iteration of the peak",
  parameters: "parameters",
  fit_weight: "weight of the fit",
  peak_memory_bytes: "peak memory",
  device_name: "device",
};
const METRIC_ORDER = Object.keys(NAMES);
const FACTS = ["status", "image", "id", "group"];
const PLACE = ["image", "task", "observed"];
const NONE = "none"; // a swept setting that is null
const MISSING = 65535; // of a curve: not defined

// Runs that have not changed are kept, with what was decoded of them.
function take(data) {
  const before = RUN_BY_ID || new Map();
  DATA = data;
  RUNS = data.runs.map((run) => {
    const old = before.get(run.id);
    return old && old.stamp && old.stamp === run.stamp && old.status === run.status
      ? Object.assign(old, { live: run.live, previews: run.previews })
      : run;
  });
  nameImages();
  RUN_BY_ID = new Map(RUNS.map((run) => [run.id, run]));
  groupCache.clear();
  METRICS = findMetrics();
  SWEPT = data.swept;
  PROBLEM = [...new Set([...PLACE, ...data.problem])]; // what makes another problem of it
  const taken = new Set();
  for (const run of RUNS) {
    run.label = run.text = null;
    run.key = hash(run.id);
    while (taken.has(run.key)) run.key += "x";
    taken.add(run.key);
  }
}

// Images of the same name are told apart by as much of the ends of their paths as it takes.
function nameImages() {
  const by = new Map();
  for (const run of RUNS) {
    run.image = run.stem ??= run.image;
    const path = run.settings.observed ?? run.settings.image;
    if (typeof path === "string") by.set(run.stem, (by.get(run.stem) || new Map()).set(run, path));
  }
  for (const paths of by.values()) {
    const different = [...new Set(paths.values())];
    if (different.length < 2) continue;
    const told = endings(different);
    for (const [run, path] of paths) run.image = told.get(path);
  }
}

// The shortest ends of paths that differ, without what the files' names end in where that is not needed.
function endings(paths) {
  const differ = (texts) => new Set(texts).size === texts.length,
    bare = paths.map((path) => path.replace(/\.[^./]*$/, "")),
    parts = (differ(bare) ? bare : paths).map((path) => path.split("/"));
  const ends = (length) => parts.map((names) => names.slice(-length).join("/"));
  let length = 1;
  while (!differ(ends(length))) length++;
  return new Map(ends(length).map((end, i) => [paths[i], end]));
}

// A short name of a run for the address of the page.
function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(36);
}

function findMetrics() {
  const found = new Set();
  for (const run of RUNS) {
    for (const [key, value] of Object.entries(run.metrics)) {
      if (typeof value === "number" && !["seed", "threads"].includes(key)) found.add(key);
    }
  }
  const rank = (key) => (METRIC_ORDER.indexOf(key) + METRIC_ORDER.length + 1) % (METRIC_ORDER.length + 1);
  return [...found].sort((a, b) => rank(a) - rank(b));
}

// A setting, or a metric, or one of the run's own facts; null where there is none. What is both, such
// as iterations, is what was measured, unless it was swept.
function valueOf(run, key) {
  if (FACTS.includes(key)) return run[key];
  const measured = typeof run.metrics[key] === "object" ? null : run.metrics[key];
  return (SWEPT.includes(key) ? (run.settings[key] ?? measured) : (measured ?? run.settings[key])) ?? null;
}

function allKeys() {
  return [
    ...new Set([
      ...FACTS,
      ...SWEPT,
      ...METRICS,
      ...RUNS.flatMap((run) => [...Object.keys(run.settings), ...Object.keys(run.metrics)]),
    ]),
  ];
}

function nameOf(key) {
  return NAMES[key] || key;
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

// A setting as one would type it, a measurement with as many digits as it deserves.
function format(value, key = "") {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return `[${value.map((item) => format(item)).join(",")}]`;
  if (!isNumber(value)) return String(value);
  if (/^psnr/.test(key)) return value.toFixed(2);
  if (/^ssim/.test(key)) return value.toFixed(4);
  if (/bytes$/.test(key)) return `${(value / MIB).toFixed(0)} MiB`;
  if (key === "seconds") return value < 100 ? value.toFixed(1) : value.toFixed(0);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  // Settings are told apart by what is written of them, measurements are only read.
  const size = Math.abs(value),
    digits = METRICS.includes(key) ? 4 : 8;
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value
      .toExponential(digits - 2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  }
  return String(Number(value.toPrecision(digits)));
}

// A short name of a run or group: its swept values, else its folder.
function labelOf(run) {
  if (run.label) return run.label;
  const parts = SWEPT.filter(
    (key) => !PLACE.includes(key) && !(run.members && key === "seed") && run.settings[key] !== undefined,
  ).map((key) => `${key}=${textOf(run, key)}`);
  for (const key of ["image", "task"]) if (distinct(RUNS, key).length > 1) parts.unshift(format(valueOf(run, key)));
  return (run.label = parts.join(" ") || run.id);
}

function isLarger(metric) {
  return LARGER_IS_BETTER.test(metric);
}

function isBetter(metric, a, b) {
  return isLarger(metric) ? a > b : a < b;
}

// Runs of the same problem may be compared: the same image with the same damage.
function problemOf(run) {
  return JSON.stringify(PROBLEM.map((key) => run.settings[key] ?? null));
}

function problemName(run, keys = PROBLEM) {
  const said = keys
    .filter((key) => !PLACE.includes(key) && (run.settings[key] ?? null) !== null)
    .map((key) => `${key}=${format(run.settings[key])}`);
  return [
    ...["task", "image"].filter((key) => keys.includes(key)).map((key) => format(valueOf(run, key))),
    ...said,
  ].join(" ");
}

// Whether a swept setting is null: a value like others, such as no guard; a run of another task lacks it.
function isNone(run, key) {
  return SWEPT.includes(key) && run.settings[key] === null && valueOf(run, key) === null;
}

function hasValue(run, key) {
  return valueOf(run, key) !== null || isNone(run, key);
}

// A value as a text by which it is told from others.
function textOf(run, key) {
  return isNone(run, key) ? NONE : format(valueOf(run, key));
}

// The values of a key, as text, in their order: numbers by size, none last.
function distinct(runs, key) {
  const having = runs.filter((run) => hasValue(run, key)),
    found = new Map(having.map((run) => [textOf(run, key), valueOf(run, key)]));
  return [...found].sort(([a, x], [b, y]) => compareValues(x, y) || a.localeCompare(b)).map(([text]) => text);
}

function compareValues(x, y) {
  if (x === null || y === null) return (x === null) - (y === null);
  if (isNumber(x) && isNumber(y)) return x - y;
  return format(x).localeCompare(format(y), undefined, { numeric: true });
}

// Curves are decoded when they are first drawn.
function curveOf(run) {
  if (!run.decoded) {
    run.decoded = {};
    for (const [name, packed] of Object.entries(run.curve)) run.decoded[name] = decode(packed, name === "loss");
  }
  return run.decoded;
}

// low + step * (16-bit number); of the loss that is its logarithm.
function decode([low, step, text], log) {
  const numbers = new Uint16Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  return Float64Array.from(numbers, (n) => (n === MISSING ? NaN : log ? 10 ** (low + step * n) : low + step * n));
}

// The last index of increasing numbers that is not above a value; -1 where all are.
function indexAt(numbers, value) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// The value of a column at the last row that is not after `iteration`.
function curveAt(run, column, iteration) {
  const curve = curveOf(run);
  if (!curve.iteration || !curve[column]) return null;
  let i = indexAt(curve.iteration, iteration);
  while (i > 0 && Number.isNaN(curve[column][i])) i--;
  return i < 0 || Number.isNaN(curve[column][i]) ? null : curve[column][i];
}

// Linear between the points of a curve; NaN outside of it.
function between(xs, ys, x) {
  const i = indexAt(xs, x);
  if (i < 0) return NaN;
  if (xs[i] === x) return ys[i];
  if (i === xs.length - 1) return NaN;
  return ys[i] + ((x - xs[i]) / (xs[i + 1] - xs[i])) * (ys[i + 1] - ys[i]);
}

function secondsAt(run, iteration) {
  const { iteration: t, seconds: s } = curveOf(run);
  return t && s ? between(t, s, Math.min(Math.max(iteration, t[0]), t[t.length - 1])) : null;
}
