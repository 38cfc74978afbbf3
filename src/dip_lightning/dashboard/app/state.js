// What the user has chosen. The address holds it, so a link or a reload shows the same.

const DEFAULTS = {
  view: "table",
  run: null,
  metric: null,
  group: true,
  sort: null,
  down: null,
  filter: "",
  columns: [],
  selected: [],
  limits: {},
  axes: [],
  y: "psnr",
  x: "iteration",
  logX: false,
  logY: null,
  iterate: true,
  averaged: true,
  marks: null,
  published: true,
  zoom: [],
  colour: "run",
  facet: "",
  gridX: null,
  gridY: null,
  mixed: false,
  chart: "scatter",
  plotX: null,
  plotY: null,
  mode: "slider",
  against: "observed",
  gain: 4,
};
const ONE_OF = {
  y: ["psnr", "loss"],
  x: ["iteration", "seconds"],
  chart: ["scatter", "box"],
  mode: ["slider", "difference", "image"],
};
const state = structuredClone(DEFAULTS);

// Only what differs from the defaults is written.
function remember() {
  const written = new URLSearchParams();
  for (const [key, usual] of Object.entries(DEFAULTS)) {
    const value = state[key];
    if (["view", "run", "limits"].includes(key) || JSON.stringify(value) === JSON.stringify(usual)) continue;
    written.set(
      key,
      Array.isArray(value)
        ? value.map((item) => String(item).replaceAll(",", "%2C")).join(",")
        : typeof value === "boolean"
          ? Number(value)
          : value,
    );
  }
  for (const [key, [low, high]] of Object.entries(state.limits))
    written.set(`limits.${key}`, JSON.stringify([low, high]));
  const text = String(written);
  try {
    history.replaceState(null, "", `#${placeOf()}${text ? `?${text}` : ""}`);
  } catch {
    // Browsers limit how often; the next change writes it all.
  }
}

function placeOf() {
  return state.run ? `run=${encodeURIComponent(state.run)}` : state.view;
}

// #view?choices or #run=id?choices; a link without choices leaves them as they are.
function readAddress() {
  const [place, choices] = location.hash.slice(1).split("?");
  if (choices !== undefined) readChoices(new URLSearchParams(choices));
  let id = null;
  try {
    id = place.startsWith("run=") ? decodeURIComponent(place.slice(4)) : null;
  } catch {
    // Not an address of ours.
  }
  state.run = RUN_BY_ID.has(id) ? id : DATA.single ? RUNS[0].id : null;
  if (VIEWS.some((view) => view.name === place)) state.view = place;
  repair();
}

function readChoices(choices) {
  const { view, run } = state;
  Object.assign(state, structuredClone(DEFAULTS), { view, run });
  for (const [key, text] of choices) {
    const usual = DEFAULTS[key];
    if (key.startsWith("limits.")) {
      const limits = parsed(text);
      if (Array.isArray(limits) && limits.length === 2) state.limits[key.slice(7)] = limits.sort(compareValues);
    } else if (
      usual === undefined ||
      ["view", "run", "limits"].includes(key) ||
      (ONE_OF[key] && !ONE_OF[key].includes(text))
    )
      continue;
    else if (Array.isArray(usual)) state[key] = text ? text.split(",").map((item) => item.replaceAll("%2C", ",")) : [];
    else if (typeof usual === "boolean" || ["marks", "logY", "down"].includes(key))
      state[key] = text === "1" || text === "true";
    else if (typeof usual === "number") state[key] = Math.min(30, Math.max(1, Number(text) || usual));
    else state[key] = text;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// What an address names and the runs do not have becomes what it is at first.
function repair() {
  if (!METRICS.includes(state.metric)) state.metric = null;
  const known = allKeys();
  for (const key of ["sort", "plotX", "plotY"]) if (!known.includes(state[key])) state[key] = null;
  for (const key of ["columns", "axes"]) state[key] = state[key].filter((name) => known.includes(name));
  for (const key of Object.keys(state.limits)) if (!known.includes(key)) delete state.limits[key];
  for (const key of ["colour", "facet"])
    if (!SWEPT.includes(state[key]) && !["image", "status", "task"].includes(state[key])) state[key] = DEFAULTS[key];
  state.zoom = state.zoom.map(Number);
  if (!isZoom(state.zoom)) state.zoom = [];
  const keys = new Set(unitsOf(RUNS).flatMap((unit) => [keyOf(unit), ...membersOf(unit).map((run) => run.key)]));
  state.selected = state.selected.filter((key) => keys.has(key));
}

// What curves show: the loss where no run has another, so far.
function shownY() {
  return RUNS.some((run) => run.curve.psnr) ? state.y : "loss";
}

// The metric that views are about.
function metricKey() {
  return (
    state.metric ||
    ["psnr_result", "psnr_average", "psnr", "loss"].find((key) => METRICS.includes(key)) ||
    METRICS[0] ||
    "seconds"
  );
}

function addressOf(run) {
  return `#run=${encodeURIComponent(firstOf(membersOf(run)).id)}`;
}

// Limits of both axes that can be drawn: finite, in order, and apart by more than their precision.
function isZoom(zoom) {
  const span = (low, high) =>
    Number.isFinite(low) && Number.isFinite(high) && high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  return zoom.length === 4 && span(zoom[0], zoom[1]) && span(zoom[2], zoom[3]);
}

function inLimits(run) {
  return Object.entries(state.limits).every(([key, [low, high]]) => {
    const axis = axisOf(key),
      [from, at, to] = [low, valueOf(run, key), high].map((value) => axis.place(value));
    return (
      from === null ||
      to === null ||
      (at !== null && at >= Math.min(from, to) - 1e-9 && at <= Math.max(from, to) + 1e-9)
    );
  });
}

// The runs that pass the filter and the limits; where seeds are one setting, by their mean.
function shownRuns(limited = true) {
  if (!state.filter.trim() && !Object.keys(state.limits).length) return [...RUNS];
  const { test } = parseFilter(state.filter),
    passes = (run) => test(run) && (!limited || inLimits(run));
  if (!isGrouped()) return RUNS.filter(passes);
  const asSetting = (run, { metrics }) =>
    Object.assign(Object.create(run), { text: searchText(run), metrics: { ...run.metrics, ...metrics } });
  return unitsOf(RUNS).flatMap((unit) =>
    membersOf(unit).filter((run) => passes(unit.members ? asSetting(run, unit) : run)),
  );
}

// They, or their groups, in the order of the table; what has no value comes last.
function shownUnits() {
  const key = state.sort || metricKey(),
    sign = isDown(key) ? -1 : 1;
  return unitsOf(shownRuns()).sort((a, b) => {
    const [x, y] = [valueOf(a, key), valueOf(b, key)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * compareValues(x, y);
  });
}

// The best come first, unless that was changed.
function isDown(key) {
  return state.down ?? (METRICS.includes(key) && isLarger(key));
}

// What a view compares: the selected, else the first of the table.
function comparedUnits(most, usable = (unit) => membersOf(unit).some((run) => run.curve.iteration)) {
  const chosen = selectedUnits();
  return chosen.length ? chosen : shownUnits().filter(usable).slice(0, most);
}

function selectedUnits() {
  // A setting is the mean of its seeds that are shown, if any is.
  const by = new Map(
    [...RUNS, ...unitsOf(RUNS), ...unitsOf(shownRuns())].flatMap((unit) => [
      [unit.key, unit],
      [keyOf(unit), unit],
    ]),
  );
  return state.selected.map((key) => by.get(key)).filter(Boolean);
}

function toggleSelected(unit, wanted) {
  state.selected = state.selected.filter((key) => key !== keyOf(unit));
  if (wanted) state.selected.push(keyOf(unit));
  remember();
}
