// The curves of some runs or settings.

const MOST_CURVES = 10;
const SIGNS = [
  ["peak", "oracle peak"],
  ["drop", "sudden drop"],
  ["end", "averaged output at the end"],
  ["stopped", "stopped, diverged"],
];

VIEWS.push({ name: "curves", title: "Curves", make: curvesView });

function curvesView() {
  const box = element("div", { class: "facets" });
  const [note, controls, legend, signs] = ["div", "div", "div", "div"].map((tag) => element(tag));
  let units = [];
  let shown = null;
  let charts = [];
  const onZoom = (zoom) => {
    state.zoom = zoom || [];
    remember();
    for (const chart of charts) {
      chart.zoomed = zoom;
      chart.applyZoom();
    }
  };
  const frames = chartFrames(box, (name, several) => {
    const onPick = (key) => {
      location.hash = addressOf(units.find((unit) => unit.key === key));
    };
    const zoom = state.zoom.length ? state.zoom : null;
    return new Chart(name || "curves", { onPick, onZoom, zoom, height: several ? 300 : 440 });
  });
  const update = () => {
    // Other curves than the controls say: the first row of a job has come.
    if (shown !== shownY()) keepFocus(() => controls.replaceChildren(curveControls(update, true)));
    shown = shownY();
    units = comparedUnits(MOST_CURVES);
    note.replaceChildren(comparedNote(units, "curve"));
    const parts = facetsOf(units);
    const colours = colouring(units, state.colour);
    charts = frames(parts);
    showTogether(
      charts,
      parts.map(([, members]) => drawingOf(members, colours.of)),
    );
    legend.replaceChildren(legendOf(units, colours, charts));
    signs.replaceChildren(signLegend(units));
  };
  update();
  return { node: element("section", {}, note, controls, box, signs, legend), update };
}

// Several frames have the same limits, so that they can be compared.
function showTogether(charts, drawings) {
  const shared = drawings.length > 1 ? sharedWhole(drawings) : null;
  drawings.forEach((drawing, i) => {
    charts[i].show(drawing);
    if (!shared) return;
    charts[i].whole = shared;
    charts[i].applyZoom();
  });
}

function sharedWhole(drawings) {
  const wholes = drawings.map(wholeOf),
    span = (name) => [Math.min(...wholes.map((w) => w[name][0])), Math.max(...wholes.map((w) => w[name][1]))];
  return { x: span("x"), y: span("y") };
}

// The units by the values of the chosen key, each with its name; one part without a name without one.
function facetsOf(units) {
  const [some, none] = [false, true].map((is) => units.filter((unit) => (valueOf(unit, state.facet) === null) === is)),
    names = state.facet ? distinct(some, state.facet) : [];
  if (names.length + (none.length > 0) < 2) return [["", units]];
  const parts = names.map((text) => [
    `${nameOf(state.facet)} ${text}`,
    units.filter((unit) => format(valueOf(unit, state.facet)) === text),
  ]);
  return none.length ? [...parts, [`${nameOf(state.facet)}: none`, none]] : parts;
}

function legendOf(units, colours, charts) {
  const pick = (key) => () => charts.forEach((chart) => chart.pick(key));
  const drawn = shownY() === "loss" ? "loss" : state.averaged ? "psnr_average" : "psnr";
  const entry = (unit) =>
    element(
      "li",
      {},
      element("span", { class: "swatch", style: `background:${colours.of(unit)}` }),
      element(
        "a",
        {
          href: addressOf(unit),
          onpointerenter: pick(unit.key),
          onpointerleave: pick(null),
          onfocus: pick(unit.key),
          onblur: pick(null),
        },
        labelOf(unit),
      ),
      ` ${nameOf(drawn)} ${spreadText(unit, drawn)}${unit.members ? `, n = ${unit.count[drawn] || 0}` : ""}`,
    );
  const keys = colours.entries
    ? [element("p", { class: "note" }, ...colours.entries.map(([text, colour]) => swatchEntry(text, colour)))]
    : [];
  return element(
    "div",
    {},
    ...keys,
    element("ul", { class: "legend" }, ...units.slice(0, 60).map(entry)),
    units.length > 60 ? element("p", { class: "note" }, `and ${units.length - 60} more`) : null,
  );
}

function swatchEntry(text, colour) {
  const swatch = element("span", { class: "swatch", style: `background:${colour}` });
  return element("span", { class: "entry" }, swatch, text);
}

function comparedNote(units, what) {
  const noun = isGrouped() ? "setting" : "run",
    chosen = selectedUnits().length;
  const text = chosen
    ? `${units.length} selected ${noun}${units.length === 1 ? "" : "s"}.`
    : `No ${noun} is selected: the first ${units.length} of the table.`;
  const clear = chosen
    ? button("clear selection", () => {
        state.selected = [];
        remember();
        render();
      })
    : null;
  return element("p", { class: "note", "data-what": what }, text, " ", clear);
}

function keyOptions(first) {
  const keys = [...new Set([...["task", "image", "status"].filter((key) => distinct(RUNS, key).length > 1), ...SWEPT])];
  return [first, ...keys.map((key) => [key, nameOf(key)])];
}

function curveControls(redraw, several) {
  const set = (key) => (value) => {
    state[key] = value;
    state.zoom = [];
    redraw();
    remember();
  };
  return element(
    "div",
    { class: "controls" },
    choice(
      "Show",
      [
        ["psnr", "PSNR"],
        ["loss", "loss"],
      ],
      shownY(),
      (value) => {
        state.logY = null;
        set("y")(value);
      },
    ),
    choice(
      "against",
      [
        ["iteration", "iteration"],
        ["seconds", "seconds"],
      ],
      state.x,
      set("x"),
    ),
    several
      ? choice("colour by", keyOptions(["run", isGrouped() ? "setting" : "run"]), state.colour, set("colour"))
      : null,
    several ? choice("frames by", keyOptions(["", "nothing"]), state.facet, set("facet")) : null,
    tick("log x", state.logX, set("logX")),
    tick("log y", state.logY ?? shownY() === "loss", set("logY")),
    tick("iterate", state.iterate, set("iterate")),
    tick("averaged output", state.averaged, set("averaged")),
    tick("marks", marksShown(several ? comparedUnits(MOST_CURVES) : []), set("marks")),
    RUNS.some((run) => "psnr" in run.published) ? tick("published", state.published, set("published")) : null,
  );
}

function signLegend(units) {
  const every = [
    ...new Set(
      units
        .flatMap(membersOf)
        .map((run) => run.settings.log_every)
        .filter(isNumber),
    ),
  ];
  const thin =
    every.length === 1 && every[0] > 1
      ? `the iterate, recorded every ${every[0]} iterations`
      : "the iterate, as recorded";
  const entries = SIGNS.slice(shownY() === "loss" ? 2 : 0).map(([sign, text]) => {
    const icon = shape("svg", { width: 16, height: 16, "aria-hidden": "true" }),
      pen = svgPen();
    pen.area((p) => tracePoint(p, sign, 8, 8), css("--faint"), 1);
    icon.innerHTML = String(pen);
    return element("span", {}, icon, ` ${text}`);
  });
  const lines = shownY() === "loss" ? "" : `Thin: ${thin}. Bold: averaged output. `,
    band = isGrouped() ? "Band: one standard deviation over the seeds. " : "",
    tiles = units.some(isTiled) ? "Of a fit in tiles, a row for each tile, not the course of one fit. " : "";
  return element(
    "p",
    { class: "note signs" },
    `${lines}${band}${tiles}Drag to zoom, double-click for all; + − 0 and arrow keys. `,
    ...(marksShown(units) && units.some((unit) => !unit.members) ? entries : []),
  );
}

function marksShown(units) {
  return state.marks ?? units.length <= MOST_CURVES;
}

// The curve of a fit in tiles adds their iterations up, and its end has a row of its own.
function isTiled(run) {
  return run.metrics.tiles > 1;
}

function drawingOf(units, colourOf, cursor = null) {
  const series = [],
    marks = [],
    levels = [];
  for (const unit of units) {
    const colour = colourOf(unit);
    const add = (column, faint) => {
      const found = seriesOf(unit, column, state.x);
      if (found)
        series.push({
          name: unit.key,
          title: `${labelOf(unit)}${shownY() === "loss" ? "" : ` (${nameOf(column)})`}`,
          colour,
          faint,
          ...found,
          band: faint ? null : found.band,
        });
    };
    if (shownY() === "loss") add("loss", false);
    else {
      if (state.iterate) add("psnr", state.averaged);
      if (state.averaged) add("psnr_average", false);
    }
    if (marksShown(units) && !unit.members) marks.push(...marksOf(unit, colour));
    if (state.published && shownY() === "psnr") levels.push(...levelsOf(unit));
  }
  const seen = new Map(levels.map((level) => [`${level.text} ${level.y}`, level]));
  return {
    x: { label: state.x, log: state.logX, whole: state.x === "iteration" },
    y: { label: shownY() === "loss" ? "loss" : "PSNR (dB)", log: state.logY ?? shownY() === "loss", key: shownY() },
    series,
    marks,
    levels: [...seen.values()],
    cursor: cursor === null || isTiled(units[0]) ? null : state.x === "seconds" ? secondsAt(units[0], cursor) : cursor,
  };
}

function levelsOf(run) {
  const place = distinct(RUNS, "image").length > 1 ? `${run.image}: ` : "";
  return Object.entries(run.published.psnr || {}).map(([name, y]) => ({ y, text: place + name }));
}

// Of the PSNR its peak and drops; of either what the fit ended in.
function marksOf(run, colour) {
  const found = [],
    m = run.metrics,
    label = labelOf(run),
    loss = shownY() === "loss";
  const add = (sign, iteration, y, text) => {
    const x = state.x === "seconds" ? secondsAt(run, iteration) : iteration;
    if (isNumber(x) && isNumber(y)) found.push({ x, y, colour, sign, name: run.key, text: `${label}\n${text}` });
  };
  if (!loss && state.iterate) {
    for (const drop of run.drops)
      add("drop", drop.iteration, drop.psnr, `sudden drop of ${drop.depth} dB from iteration ${drop.start}`);
    if (isNumber(m.iteration_best))
      add(
        "peak",
        m.iteration_best,
        m.psnr_best,
        `oracle peak ${format(m.psnr_best, "psnr")} dB, iteration ${m.iteration_best}`,
      );
  }
  if (isNumber(m.iterations) && run.curve.iteration && !isTiled(run)) {
    const stopped = m.status !== "finished",
      y = loss ? m.loss : state.averaged ? m.psnr_average : m.psnr;
    const text = `${stopped ? `${m.status} after` : loss || !state.averaged ? "end," : "averaged output,"} iteration ${m.iterations}`;
    add(stopped ? "stopped" : "end", m.iterations, y, `${text}: ${format(y, shownY())}${loss ? "" : " dB"}`);
  }
  return found;
}
