// Images of several runs side by side.

const MOST_IMAGES = 6;

VIEWS.push({ name: "images", title: "Images", make: imagesView });

function hasImage(run, kind = "restored") {
  return Boolean(run.images[kind] || previewOf(run, kind));
}

function imagesView() {
  const runs = comparedUnits(MOST_IMAGES, (unit) => hasImage(unit))
    .flatMap(membersOf)
    .filter((run) => hasImage(run))
    .slice(0, 24);
  const frames = element("div", { class: "frames" });
  const controls = element("div");
  const redraw = () =>
    keepFocus(() => {
      remember();
      controls.replaceChildren(imageControls(runs, redraw));
      frames.replaceChildren(...runs.map((run) => comparison(run)));
    });
  redraw();
  return {
    node: element(
      "section",
      {},
      comparedNote(
        comparedUnits(MOST_IMAGES, (unit) => hasImage(unit)),
        "image",
      ),
      controls,
      frames,
    ),
  };
}

function baseOptions(runs) {
  const options = [["observed", "the observation"]];
  if (runs.some((run) => hasImage(run, "mask"))) options.push(["mask", "the mask (white: known)"]);
  if (runs.some((run) => hasImage(run, "uncertainty")))
    options.push(["uncertainty", "the uncertainty (white: unsure)"]);
  if (runs.some((run) => hasImage(run, "classical"))) options.push(["classical", "the classical method"]);
  if (runs.some((run) => hasImage(run, "truth"))) options.push(["truth", "the ground truth"]);
  if (!DATA.single && !state.run) options.push(...runs.map((run) => [`run ${run.id}`, labelOf(run)]));
  if (!options.some(([key]) => key === state.against)) state.against = "observed";
  return options;
}

function baseImage(run) {
  if (!state.against.startsWith("run ")) {
    return hasImage(run, state.against) ? picture(run, state.against) : null;
  }
  return picture(RUN_BY_ID.get(state.against.slice(4)), "restored");
}

function imageControls(runs, redraw) {
  const set = (key) => (value) => {
    state[key] = value;
    redraw();
  };
  const options = baseOptions(runs);
  const modes = [
    ["slider", "before/after"],
    ["difference", "difference"],
    ["image", "restored alone"],
  ];
  const bar = element("div", {}, state.mode === "difference" ? errorBar(state.gain) : "");
  const of = {
    slider: () => cutSlider(options.find(([key]) => key === state.against)[1]),
    difference: () => gainSlider(bar),
    image: () => null,
  };
  setGain(state.gain);
  const controls = element(
    "div",
    { class: "controls" },
    choice("Show", modes, state.mode, set("mode")),
    state.mode === "image" ? null : choice("against", options, state.against, set("against")),
    of[state.mode](),
    zoomButtons(),
  );
  return element("div", {}, controls, bar);
}

function cutSlider(before) {
  const cut = element("input", {
    type: "range",
    class: "cut",
    min: 0,
    max: 1,
    step: 0.01,
    value: cutShare,
    "aria-label": "before and after",
    oninput: () => setCut(Number(cut.value)),
  });
  return element("label", { class: "control grow" }, `${before} `, cut, " restored");
}

function gainSlider(bar) {
  return slider("gain", { min: 1, max: 30, value: state.gain, show: (v) => `×${v}` }, (v) => {
    state.gain = v;
    setGain(v);
    bar.replaceChildren(errorBar(v));
    remember();
  });
}

function zoomButtons() {
  return element(
    "span",
    { class: "control" },
    button("−", () => zoomAbout(1 / 1.5, 0.5, 0.5), { "aria-label": "zoom out" }),
    " ",
    element("span", { class: "zoom-text" }, `${place.zoom.toFixed(1)}×`),
    " ",
    button("+", () => zoomAbout(1.5, 0.5, 0.5), { "aria-label": "zoom in" }),
    " ",
    button("whole", () => movePlace(1, 0, 0)),
  );
}

// What is compared fills the same frame, whatever its own size.
function sizeNote(run) {
  const other = state.against.startsWith("run ") ? RUN_BY_ID.get(state.against.slice(4)) : run,
    [own, its] = [run, other].map((one) => String(one.metrics.size ?? ""));
  return own && its && own !== its ? " (against one of another size)" : "";
}

function comparison(run) {
  const base = state.mode === "image" ? null : baseImage(run);
  const note = state.mode === "image" ? "" : base ? sizeNote(run) : ` (has no ${state.against})`;
  const caption = element(
    "span",
    {},
    element("a", { href: addressOf(run) }, labelOf(run)),
    ` ${nameOf(metricKey())} ${format(valueOf(run, metricKey()), metricKey())}${note}`,
  );
  return viewer(run, picture(run, "restored"), base, state.mode, caption);
}
