// What the user has chosen; it outlives a reload, and the address names the view.

const DEFAULTS = {
  view: "table", run: null, sort: null, down: true, filter: "", metric: null, selected: [],
  brush: {}, y: "psnr", x: "iteration", logX: false, iterate: true, averaged: true,
  marks: true, published: true, gridX: null, gridY: null, mode: "slider", against: "observed",
  gain: 4, smooth: false,
};
const KEPT = `dip_lightning ${DATA.title} ${DATA.single ? DATA.runs[0].id : ""}`;
const state = { ...DEFAULTS, ...recall() };

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) || {};
  } catch {
    return {};
  }
}

function remember() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    // A browser that keeps nothing: choices last until the page is left.
  }
}

function setUp() {
  if (!METRICS.includes(state.metric)) {
    state.metric = ["psnr_average", "psnr", "loss"].find((key) => METRICS.includes(key)) || METRICS[0] || "seconds";
  }
  if (!state.sort) state.sort = state.metric;
  state.selected = state.selected.filter((id) => RUN_BY_ID.has(id));
  if (!RUNS.some((run) => isNumber(run.metrics.psnr) || run.curve.psnr)) state.y = "loss";
  readAddress();
}

// #run=<id> is the page of a run, #<view> a view.
function readAddress() {
  const text = decodeURIComponent(location.hash.slice(1));
  if (text.startsWith("run=") && RUN_BY_ID.has(text.slice(4))) state.run = text.slice(4);
  else {
    state.run = DATA.single ? RUNS[0].id : null;
    if (VIEWS.some((view) => view.name === text)) state.view = text;
  }
}

function addressOf(run) { return `#run=${encodeURIComponent(run.id)}`; }

// Words of the filter: text, key=value, key>number, key<number; all must hold.
function matches(run, words) {
  return words.every((word) => {
    const [, key, sign, wanted] = word.match(/^([\w.]+)(<=|>=|=|<|>)(.+)$/) || [];
    if (!key) return searchText(run).includes(word.toLowerCase());
    const value = valueOf(run, key);
    if (sign === "=") {
      return format(value) === wanted || (isNumber(value) && value === Number(wanted));
    }
    if (!isNumber(value)) return false;
    const bound = Number(wanted);
    return { "<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound }[sign];
  });
}

function searchText(run) {
  run.text ||= [run.id, run.status, run.image, run.settings.task, labelOf(run)].join(" ").toLowerCase();
  return run.text;
}

function inBrush(run) {
  return Object.entries(state.brush).every(([key, [low, high]]) => {
    const place = axisPlace(key, valueOf(run, key));
    return place !== null && place >= low && place <= high;
  });
}

// The runs that the table shows, in its order.
function shownRuns() {
  const words = state.filter.split(/\s+/).filter(Boolean);
  const shown = RUNS.filter((run) => matches(run, words) && inBrush(run));
  const sign = state.down ? -1 : 1;
  return shown.sort((a, b) => {
    const [x, y] = [valueOf(a, state.sort), valueOf(b, state.sort)];
    const [noX, noY] = [x === null || x === undefined, y === null || y === undefined];
    if (noX || noY) return noX - noY;
    if (isNumber(x) && isNumber(y)) return sign * (x - y);
    return sign * format(x).localeCompare(format(y), undefined, { numeric: true });
  });
}

// The runs that a view compares: the selected ones, else the first of the table.
function comparedRuns(most) {
  const chosen = state.selected.map((id) => RUN_BY_ID.get(id));
  return chosen.length ? chosen : shownRuns().filter((run) => run.curve.iteration).slice(0, most);
}

function toggleSelected(run, wanted) {
  state.selected = state.selected.filter((id) => id !== run.id);
  if (wanted) state.selected.push(run.id);
  remember();
}
