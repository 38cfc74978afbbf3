// Which setting is best, whether that is chance, what each key is worth, and two keys as a heat map.

const MOST_CELLS = 40; // in a row

VIEWS.push({ name: "grid", title: "Best settings", make: gridView });

function gridView() {
  const box = element("div");
  const update = () => keepFocus(() => box.replaceChildren(...gridParts(update)));
  update();
  return { node: element("section", {}, box), update };
}

function gridParts(update) {
  const metric = metricKey(),
    runs = shownRuns(),
    parts = [bestTable(runs, metric), importanceTable(runs, metric), element("h2", {}, "Two keys")];
  const keys = SWEPT.filter((key) => key !== "seed" && distinct(runs, key).length <= MOST_CELLS).sort(
    (a, b) => PROBLEM.includes(a) - PROBLEM.includes(b),
  );
  if (keys.length < 2)
    return [
      ...parts,
      element("p", { class: "note" }, `A heat map needs two swept settings of at most ${MOST_CELLS} values.`),
    ];
  if (!keys.includes(state.gridX)) state.gridX = keys[0];
  if (!keys.includes(state.gridY) || state.gridY === state.gridX) state.gridY = keys.find((key) => key !== state.gridX);
  const set = (key) => (value) => {
    state[key] = value;
    remember();
    update();
  };
  const several = problemsOf(runs).length > 1;
  parts.push(
    element(
      "div",
      { class: "controls" },
      choice(
        "Columns",
        keys.map((k) => [k, k]),
        state.gridX,
        set("gridX"),
      ),
      choice(
        "rows",
        keys.map((k) => [k, k]),
        state.gridY,
        set("gridY"),
      ),
      several ? tick("mean over all images and problems", state.mixed, set("mixed")) : null,
    ),
  );
  const axes = [state.gridX, state.gridY],
    apart = PROBLEM.filter((key) => !axes.includes(key) && !(key === "image" && axes.includes("observed")));
  const frames = state.mixed || !several ? [["", runs]] : problemsOf(runs, apart);
  return [
    ...parts,
    element("div", { class: "facets" }, ...frames.map(([name, members]) => heatMap(name, members, metric))),
  ];
}

// Averages are over seeds, and over keys that are not shown; never over images unless asked.
function heatMap(name, runs, metric) {
  const [xs, ys] = [state.gridX, state.gridY].map((key) => distinct(runs, key));
  const cells = heatCells(runs, xs, ys, metric);
  const means = cells.flat().map((cell) => cell.mean);
  const limits = extent(means.filter(isNumber));
  const title = `${name ? `${name}: ` : ""}${nameOf(metric)}`;
  if (!limits) return element("div", {}, element("p", { class: "note" }, `${name} No run has ${nameOf(metric)}.`));
  const rows = [...cells].reverse().map((row) => heatRow(row, limits, metric));
  const corner = element("td", { class: "corner" }, `${state.gridY} ↓  ${state.gridX} →`);
  const head = element("tr", {}, corner, ...xs.map((x) => element("th", { scope: "col" }, x)));
  const parts = [element("caption", {}, title), element("thead", {}, head), element("tbody", {}, ...rows)];
  const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": title };
  const saving = exportButtons(title, () => heatSvg(title, xs, cells, limits, metric));
  return element(
    "div",
    {},
    element("div", region, element("table", { class: "heat" }, ...parts)),
    element("div", { class: "tools" }, ...saving),
  );
}

// The runs of each pair of values, with the statistics of their metric.
function heatCells(runs, xs, ys, metric) {
  const by = new Map();
  for (const run of runs) {
    const place = [state.gridX, state.gridY].map((key) => textOf(run, key)).join("\n");
    by.set(place, [...(by.get(place) || []), run]);
  }
  return ys.map((y) =>
    xs.map((x) => {
      const found = by.get(`${x}\n${y}`) || [];
      const values = ended(found).map((run) => valueOf(run, metric));
      return { x, y, runs: found, all: found.length, ...statistics(values) };
    }),
  );
}

function heatRow(row, limits, metric) {
  const cell = (c) => {
    if (!c.n) return element("td", { class: "empty" }, c.all ? "none" : "");
    const share = shareIn(limits, c.mean);
    return element("td", { style: `background:${scaleColour(share)}` }, heatButton(c, metric, share));
  };
  return element("tr", {}, element("th", { scope: "row" }, row[0].y), ...row.map(cell));
}

function heatButton({ x, y, runs, all, mean, std, n }, metric, share) {
  const spread = `${n > 1 ? ` ± ${format(std, metric)}, ${n} runs` : ""}${all > n ? `, ${all - n} without` : ""}`;
  return button(
    [format(mean, metric), n > 1 ? element("small", {}, `± ${format(std, metric)}, n = ${n}`) : null],
    () => {
      state.selected = unitsOf(runs).map(keyOf);
      remember();
      if (runs.length === 1) location.hash = addressOf(runs[0]);
      else go("curves");
    },
    { style: `color:${inkOn(share)}`, title: `${state.gridX}=${x}, ${state.gridY}=${y}${spread}` },
  );
}

function heatSvg(title, xs, cells, limits, metric) {
  const [w, h, left, top] = [110, 44, 110, 44],
    pen = svgPen(),
    ink = css("--ink"),
    width = left + w * xs.length + 10,
    height = top + h * cells.length + 34;
  pen.text(title, 8, 18, ink);
  pen.text(`${state.gridY} ↓  ${state.gridX} →`, 8, height - 10, ink);
  xs.forEach((x, i) => pen.text(x, left + (i + 0.5) * w, top - 6, ink, "middle"));
  [...cells].reverse().forEach((row, j) => {
    pen.text(row[0].y, left - 8, top + (j + 0.5) * h + 4, ink, "end");
    row.forEach((c, i) => {
      const corner = [left + i * w + 1, top + j * h + 1],
        share = c.n ? shareIn(limits, c.mean) : 0;
      pen.area(
        (p) => {
          p.moveTo(...corner);
          p.lineTo(corner[0] + w - 2, corner[1]);
          p.lineTo(corner[0] + w - 2, corner[1] + h - 2);
          p.lineTo(corner[0], corner[1] + h - 2);
          p.closePath();
        },
        c.n ? scaleColour(share) : css("--panel"),
        1,
      );
      const text = c.n
        ? [format(c.mean, metric), c.n > 1 ? `± ${format(c.std, metric)}, n = ${c.n}` : ""]
        : [c.all ? "none" : "", ""];
      text.forEach((line, k) =>
        pen.text(
          line,
          corner[0] + w / 2,
          corner[1] + h / 2 + (text[1] ? 14 * k - 3 : 4),
          c.n ? inkOn(share) : ink,
          "middle",
        ),
      );
    });
  });
  return { width, height, svg: svgText(width, height, String(pen)) };
}

// The best mean over seeds of each image, with its spread, beside the second.
function bestTable(runs, metric) {
  const swept = SWEPT.filter((key) => key !== "seed" && !PROBLEM.includes(key));
  const rows = problemsOf(runs)
    .map(([, members]) => bestRow(members, metric, swept))
    .filter(Boolean);
  if (!rows.length) return element("p", { class: "note" }, `No run has ${nameOf(metric)}.`);
  const head = [
    "image",
    "problem",
    ...swept,
    nameOf(metric),
    "n",
    "before the second",
    "chance?",
    "published",
    "of settings",
  ].map((text) => element("th", { scope: "col" }, text));
  const table = element(
    "table",
    { class: "best runs", "aria-label": "best settings" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  return element(
    "div",
    {},
    element("h2", {}, "Best setting of each image"),
    element(
      "p",
      { class: "note" },
      "The mean over seeds, ± one standard deviation. Whether a lead over the second could be chance is Welch's test at 95 %: with few seeds, it takes a large one.",
    ),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "best settings" }, table),
  );
}

function bestRow(runs, metric, swept) {
  const by = new Map();
  for (const run of runs) by.set(settingKey(run), [...(by.get(settingKey(run)) || []), run]);
  const settings = [...by.values()]
    .map((members) => {
      const values = ofEachSeed(members).map((run) => valueOf(run, metric));
      return { members, all: members.length, ...statistics(values) };
    })
    .filter(({ n }) => n)
    .sort((a, b) => (isBetter(metric, a.mean, b.mean) ? -1 : 1));
  if (!settings.length) return null;
  const [first, second] = settings,
    run = firstOf(first.members);
  return element(
    "tr",
    {},
    element(
      "td",
      { class: "name" },
      element("a", { href: addressOf(run) }, thumbnail(run), element("span", {}, run.image)),
    ),
    element(
      "td",
      {},
      problemName(
        run,
        PROBLEM.filter((key) => key !== "image"),
      ),
    ),
    ...swept.map((key) => element("td", { class: "number" }, textOf(run, key))),
    element(
      "td",
      { class: "number" },
      element("b", {}, format(first.mean, metric)),
      first.n > 1 ? ` ± ${format(first.std, metric)}` : "",
    ),
    element("td", { class: "number" }, first.n < first.all ? `${first.n} of ${first.all}` : String(first.n)),
    element("td", { class: "number" }, second ? format(Math.abs(first.mean - second.mean), metric) : "–"),
    element("td", {}, second ? chanceText(first, second) : "–"),
    element("td", {}, publishedText(run, metric)),
    element("td", { class: "number" }, String(settings.length)),
  );
}

// Student's t at 95 %, both sides, by its degrees of freedom.
const STUDENT = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];

// Welch's test of two means.
function chanceText(a, b) {
  if (a.n < 2 || b.n < 2) return "one seed: unknown";
  const [u, v] = [a, b].map(({ std, n }) => std ** 2 / n),
    freedom = (u + v) ** 2 / (u ** 2 / (a.n - 1) + v ** 2 / (b.n - 1)) || 1;
  const bound = STUDENT[Math.floor(freedom) - 1] ?? 1.96 + 2.4 / freedom;
  return Math.abs(a.mean - b.mean) <= bound * Math.sqrt(u + v) ? "could be" : "unlikely";
}

function importanceTable(runs, metric) {
  const found = importance(runs, metric);
  if (!found.length) return element("div");
  const rows = found.map(({ key, n, levels, rank, share }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, key),
      element("td", { class: "number" }, rank === null ? "–" : rank.toFixed(2)),
      element(
        "td",
        { class: "number" },
        share === null ? "–" : `${(100 * share).toFixed(0)} %`,
        share === null ? null : element("span", { class: "meter", style: `width:${(60 * share).toFixed(0)}px` }),
      ),
      element("td", { class: "number" }, String(levels)),
      element("td", { class: "number" }, String(n)),
    ),
  );
  const head = ["key", "rank correlation", "variance explained", "values", "n"].map((text) =>
    element("th", { scope: "col" }, text),
  );
  return element(
    "div",
    {},
    element("h2", {}, `What matters for ${nameOf(metric)}`),
    element(
      "p",
      { class: "note" },
      "Each image for itself: Spearman's rank correlation, and the share of the variance that lies between the key's values, beyond what chance gives. Keys that were changed together cannot be told apart.",
    ),
    element(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "importance" },
      element(
        "table",
        { class: "plain", "aria-label": "importance" },
        element("thead", {}, element("tr", {}, ...head)),
        element("tbody", {}, ...rows),
      ),
    ),
  );
}

// What is published of the run's image, by the protocol of the metric.
function publishedText(run, metric) {
  const values = run.published[metric.replace(/_(average|best|result)$/, "")] || {};
  return (
    Object.entries(values)
      .map(([name, value]) => `${name} ${value.toFixed(2)}`)
      .join("; ") || "–"
  );
}
