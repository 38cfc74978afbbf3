// What the page was given, and how its values are read and written.

const DATA = JSON.parse(document.getElementById("data").textContent);
const RUNS = DATA.runs;
const RUN_BY_ID = new Map(RUNS.map((run) => [run.id, run]));

// Where less is better; everything else is better when larger.
const SMALLER_IS_BETTER = new Set(["loss", "seconds", "peak_memory_bytes"]);
const NAMES = {
  psnr: "PSNR, last", psnr_average: "PSNR, averaged", psnr_result: "PSNR, result",
  psnr_best: "PSNR, oracle peak",
  psnr_y: "PSNR-Y, last", psnr_y_average: "PSNR-Y, averaged", psnr_y_result: "PSNR-Y, result",
  ssim: "SSIM, last", ssim_average: "SSIM, averaged", ssim_result: "SSIM, result",
  seconds: "time (s)", iterations_per_second: "iterations / s", loss: "loss, last",
  iterations: "iterations", iteration_best: "iteration of the peak", parameters: "parameters",
  fit_weight: "weight of the fit", peak_memory_bytes: "peak memory", device_name: "device",
};
const METRIC_ORDER = Object.keys(NAMES);
const METRICS = findMetrics();

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

// A setting, or a metric, or one of the run's own facts.
function valueOf(run, key) {
  if (key === "status" || key === "image" || key === "id" || key === "group") return run[key];
  if (key in run.settings) return run.settings[key];
  return run.metrics[key] ?? null;
}

function nameOf(key) { return NAMES[key] || key; }

function isNumber(value) { return typeof value === "number" && Number.isFinite(value); }

// A setting as one would type it, a measurement with as many digits as it deserves.
function format(value, key = "") {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return `[${value.map((item) => format(item)).join(",")}]`;
  if (!isNumber(value)) return String(value);
  if (/^psnr/.test(key)) return value.toFixed(2);
  if (/^ssim/.test(key)) return value.toFixed(4);
  if (/bytes$/.test(key)) return `${(value / 2 ** 20).toFixed(0)} MiB`;
  if (key === "seconds") return value < 100 ? value.toFixed(1) : value.toFixed(0);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return String(Number(value.toPrecision(4)));
}

// A short name of a run: its swept values, else its folder.
function labelOf(run) {
  const parts = DATA.swept
    .filter((key) => !["image", "task", "observed"].includes(key) && key in run.settings)
    .map((key) => `${key}=${format(run.settings[key])}`);
  const images = new Set(RUNS.map((other) => other.image));
  if (images.size > 1) parts.unshift(run.image);
  return parts.join(" ") || run.id;
}

function isBetter(metric, a, b) { return SMALLER_IS_BETTER.has(metric) ? a < b : a > b; }

// Curves are decoded when they are first drawn.
function curveOf(run) {
  if (!run.decoded) {
    run.decoded = {};
    for (const [name, text] of Object.entries(run.curve)) run.decoded[name] = decode(text);
  }
  return run.decoded;
}

function decode(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

// The value of a column at the last row that is not after `iteration`.
function curveAt(run, column, iteration) {
  const curve = curveOf(run);
  if (!curve.iteration || !curve[column]) return null;
  let found = null;
  for (let i = 0; i < curve.iteration.length && curve.iteration[i] <= iteration; i++) {
    if (!Number.isNaN(curve[column][i])) found = curve[column][i];
  }
  return found;
}

// Seconds at an iteration, between the rows of the curve.
function secondsAt(run, iteration) {
  const { iteration: t, seconds: s } = curveOf(run);
  if (!t || !s) return null;
  let i = 0;
  while (i < t.length - 1 && t[i + 1] < iteration) i++;
  if (i === t.length - 1 || t[i + 1] === t[i]) return s[i];
  const share = Math.min(1, Math.max(0, (iteration - t[i]) / (t[i + 1] - t[i])));
  return s[i] + share * (s[i + 1] - s[i]);
}
