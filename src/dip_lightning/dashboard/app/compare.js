// Any two columns against each other, and what differs between runs.

VIEWS.push({ name: "compare", title: "Compare", make: compareView });

function compareView() {
  const box = element("div", { class: "facets" });
  const legend = element("p", { class: "note" });
  const differences = element("div");
  let units = [];
  const frames = chartFrames(box, (name, several) => {
    const onPick = (key) => {
      location.hash = addressOf(units.find((unit) => unit.key === key));
    };
    return new Chart(name || "scatter", { onPick, height: several ? 300 : 420 });
  });
  const update = () =>
    keepFocus(() => {
      units = shownUnits();
      const parts = plotFrames(units);
      const colours = colouring(units, state.colour);
      const charts = frames(parts);
      parts.forEach(([, members], i) => charts[i].show(plotOf(members, colours.of)));
      legend.replaceChildren(...(colours.entries || []).map(([text, colour]) => swatchEntry(text, colour)));
      differences.replaceChildren(...differenceParts(units, update));
    });
  update();
  return { node: element("section", {}, plotControls(update), box, legend, differences), update };
}

// A box is a summary: it stays within an image, unless frames by something else are asked for.
function plotFrames(units) {
  const problems = problemsOf(units);
  return state.chart === "box" && !state.facet && problems.length > 1 ? problems : facetsOf(units);
}

function plotKeys() {
  const swept = SWEPT.filter((key) => key !== "seed");
  return {
    x: state.plotX || swept.find((key) => !PROBLEM.includes(key)) || swept[0] || "seconds",
    y: state.plotY || metricKey(),
  };
}

function plotControls(update) {
  const set = (key) => (value) => {
    state[key] = value;
    remember();
    update();
  };
  const keys = [...new Set([...SWEPT, ...METRICS, "image", "status"])].map((key) => [key, nameOf(key)]),
    numbers = METRICS.map((key) => [key, nameOf(key)]),
    { x, y } = plotKeys();
  return element(
    "div",
    { class: "controls" },
    choice(
      "Draw",
      [
        ["scatter", "points"],
        ["box", "boxes"],
      ],
      state.chart,
      set("chart"),
    ),
    choice("y", numbers, y, set("plotY")),
    choice("x", keys, x, set("plotX")),
    choice("colour by", keyOptions(["run", "nothing"]), state.colour, set("colour")),
    choice("frames by", keyOptions(["", "nothing"]), state.facet, set("facet")),
  );
}

function plotOf(units, colourOf) {
  const { x, y } = plotKeys(),
    axis = axisOf(x),
    ordinal = axis.names || state.chart === "box",
    names = axis.names || distinct(units, x);
  const at = (unit) => (ordinal ? names.indexOf(textOf(unit, x)) : valueOf(unit, x));
  const placed = (unit) => (ordinal ? at(unit) >= 0 : isNumber(at(unit)));
  const rows = units.filter((unit) => isNumber(valueOf(unit, y)) && placed(unit));
  const colour = (unit) => (state.colour === "run" ? LINES[0] : colourOf(unit));
  const label = (unit) =>
    `${labelOf(unit)}\n${nameOf(x)} ${format(valueOf(unit, x), x)}, ${nameOf(y)} ${spreadText(unit, y)}`;
  const marks = rows.map((unit) => ({
    x: at(unit),
    y: valueOf(unit, y),
    colour: colour(unit),
    sign: "point",
    name: unit.key,
    text: label(unit),
  }));
  return {
    x: {
      label: nameOf(x),
      log: !ordinal && axis.log,
      key: x,
      ticks: ordinal ? names.map((text, i) => [i, text]) : null,
    },
    y: { label: nameOf(y), log: y === "loss", key: y },
    series: [],
    marks,
    boxes:
      state.chart === "box"
        ? names
            .map((_, i) =>
              boxOf(
                i,
                marks.filter((m) => m.x === i).map((m) => m.y),
              ),
            )
            .filter(Boolean)
        : [],
  };
}

function boxOf(x, values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b),
    at = (share) => {
      const i = share * (sorted.length - 1),
        k = Math.floor(i);
      return sorted[k] + (i - k) * ((sorted[k + 1] ?? sorted[k]) - sorted[k]);
    };
  return {
    x,
    low: sorted[0],
    q1: at(0.25),
    median: at(0.5),
    q3: at(0.75),
    high: sorted[sorted.length - 1],
    colour: css("--ink"),
  };
}

function differenceParts(units, update) {
  const metric = metricKey(),
    measured = units
      .filter((unit) => isNumber(valueOf(unit, metric)))
      .sort((a, b) => (isBetter(metric, valueOf(a, metric), valueOf(b, metric)) ? -1 : 1));
  const alike = measured.filter((unit) => problemOf(unit) === problemOf(measured[0]));
  const chosen = selectedUnits().slice(0, 8),
    runs = chosen.length > 1 ? chosen : alike.length > 1 ? [alike[0], alike[alike.length - 1]] : [];
  const title = element("h2", {}, "What differs");
  if (runs.length < 2) return [title, element("p", { class: "note" }, "Select two runs in the table.")];
  const note =
    chosen.length > 1
      ? `The ${runs.length} selected.`
      : `The best and the worst of ${problemName(runs[0])} by ${nameOf(metric)}; select others in the table.`;
  const images = button("compare their images", () => {
    state.selected = runs.map(keyOf);
    state.against = `run ${firstOf(membersOf(runs[0])).id}`;
    state.mode = "difference";
    go("images");
  });
  return [
    title,
    element("p", { class: "note" }, note, " ", images),
    element(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "what differs" },
      differenceTable(runs),
    ),
  ];
}

function differenceTable(runs) {
  const settings = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))]
    .filter((key) => key !== "seed" || !isGrouped())
    .filter((key) => new Set(runs.map((run) => format(valueOf(run, key)))).size > 1);
  const metrics = ["status", ...METRICS.filter((key) => runs.some((run) => isNumber(valueOf(run, key))))];
  const row = (key) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, nameOf(key)),
      ...runs.map((run) =>
        element(
          "td",
          { class: "number" },
          METRICS.includes(key) ? spreadText(run, key) : format(valueOf(run, key), key),
        ),
      ),
    );
  const part = (text) =>
    element("tr", {}, element("th", { colspan: runs.length + 1, class: "part", scope: "colgroup" }, text));
  const head = element(
    "tr",
    {},
    element("td", {}, ""),
    ...runs.map((run) => element("th", { scope: "col" }, element("a", { href: addressOf(run) }, labelOf(run)))),
  );
  return element(
    "table",
    { class: "plain differences", "aria-label": "differences" },
    element("thead", {}, head),
    element(
      "tbody",
      {},
      part(settings.length ? "settings" : "settings: none differs"),
      ...settings.map(row),
      part("measured"),
      ...metrics.map(row),
    ),
  );
}
