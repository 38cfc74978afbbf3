// The page of one run.

const STATUSES = new Set(["finished", "failed", "diverged", "running", "interrupted", "lost", "unreadable"]);

const HEADLINE = [
  "psnr_result",
  "psnr_average",
  "psnr",
  "fit_weight",
  "polished",
  "psnr_best",
  "psnr_y_average",
  "ssim_average",
  "loss",
  "iterations",
  "seconds",
  "iterations_per_second",
  "parameters",
  "peak_memory_bytes",
  "device_name",
  "precision",
];

// `before` is what was shown of the same run, as it was then: the zoom of its curve and its place on the way
// stay.
function runView(run, before = null) {
  const chart = before?.chart || new Chart(`curve of ${labelOf(run)}`),
    seen = before?.seen || { iteration: null };
  const draw = () => chart.show(drawingOf([run], () => lineColour(0), seen.iteration));
  const redraw = () => {
    remember();
    draw();
  };
  const parts = [
    runTitle(run),
    run.metrics.error ? element("p", { class: "error" }, run.metrics.error) : null,
    run.live ? element("p", { class: "note" }, liveText(run)) : null,
    numbersOf(run),
  ];
  if (run.curve.iteration)
    parts.push(element("h2", {}, "Curve"), curveControls(redraw, false), chart.node, signLegend([run]));
  if (run.snapshots.length)
    parts.push(
      element("h2", {}, "On the way"),
      snapshotSlider(run, seen.iteration, (t) => {
        seen.iteration = t;
        redraw();
      }),
    );
  if (hasImage(run)) parts.push(element("h2", {}, "Result"), resultFrames(run));
  if (hasImage(run, "kernel")) parts.push(element("h2", {}, "Kernel found"), picture(run, "kernel"));
  if (run.commands.length) parts.push(element("h2", {}, "Do it again"), ...run.commands.map(commandBox));
  parts.push(element("h2", {}, "Settings"), settingsTable(run));
  if (run.curve.iteration) draw();
  return { node: element("section", { class: "run" }, ...parts), title: labelOf(run), run, chart, seen };
}

// How far a running job is.
function liveText(run) {
  const { iteration, iterations, loss, psnr, left } = run.live,
    parts = [];
  if (isNumber(iteration)) parts.push(`iteration ${iteration}${isNumber(iterations) ? ` of ${iterations}` : ""}`);
  if (isNumber(loss)) parts.push(`loss ${format(loss, "loss")}`);
  if (isNumber(psnr)) parts.push(`PSNR ${psnr.toFixed(2)} dB`);
  if (isNumber(left))
    parts.push(
      left < 90
        ? `${left.toFixed(0)} s left`
        : left < 5400
          ? `${(left / 60).toFixed(0)} min left`
          : `${(left / 3600).toFixed(1)} h left`,
    );
  return parts.join(", ");
}

function statusBadge(run) {
  return element(
    "span",
    {},
    element(
      "span",
      { class: `status ${STATUSES.has(run.status) ? run.status : ""}`, title: run.metrics.error || null },
      run.status,
    ),
    run.live ? element("span", { class: "live" }, ` ${liveText(run)}`) : null,
  );
}

function runTitle(run) {
  const order = DATA.single ? [] : shownUnits().flatMap(membersOf),
    at = order.indexOf(run);
  const step = (other, text) => (other ? element("a", { href: addressOf(other) }, text) : null);
  const ways =
    at < 0
      ? null
      : element("span", { class: "ways" }, step(order[at - 1], "← previous"), " ", step(order[at + 1], "next →"));
  const links = run.files.map((file) => element("a", { href: `${run.folder}/${file}` }, file));
  return element(
    "div",
    { class: "title" },
    element("h1", {}, `${run.settings.task || ""} ${run.image} `, statusBadge(run)),
    ways,
    element(
      "p",
      { class: "note" },
      run.id,
      links.length ? " · " : "",
      ...links.flatMap((link, i) => (i ? [" ", link] : [link])),
    ),
  );
}

// Headline numbers, then those of classical methods and in print.
function numbersOf(run) {
  const cards = HEADLINE.filter((key) => run.metrics[key] !== null && run.metrics[key] !== undefined).map((key) =>
    element(
      "div",
      { class: "card" },
      element("b", {}, format(run.metrics[key], key)),
      element("span", {}, nameOf(key)),
    ),
  );
  for (const row of run.metrics.baselines || []) {
    if (isNumber(row.psnr))
      cards.push(
        element(
          "div",
          { class: "card other" },
          element("b", {}, format(row.psnr, "psnr")),
          element("span", {}, `PSNR, ${row.name}`),
        ),
      );
  }
  for (const [metric, values] of Object.entries(run.published)) {
    for (const [name, value] of Object.entries(values)) {
      cards.push(
        element(
          "div",
          { class: "card other" },
          element("b", {}, value.toFixed(2)),
          element("span", {}, `${metric}: ${name}`),
        ),
      );
    }
  }
  return element("div", { class: "cards" }, ...cards);
}

// At the snapshot of iteration `at`, where that is given, else at the last.
function snapshotSlider(run, at, onMove) {
  const last = run.snapshots.length - 1,
    found = run.snapshots.findIndex(({ iteration }) => iteration === at),
    first = found < 0 ? last : found;
  const image = picture(run, "snapshot", run.snapshots[first].file);
  const caption = element("span", { class: "caption" });
  const say = ({ iteration }, measured = "") => {
    caption.textContent = `averaged output, iteration ${iteration}${measured}`;
  };
  const measuredAt = ({ iteration }) => {
    const psnr = isTiled(run) ? null : curveAt(run, "psnr_average", iteration);
    return isNumber(psnr) ? `, ${format(psnr, "psnr")} dB` : "";
  };
  const show = (index) => {
    const snapshot = run.snapshots[index];
    image.src = snapshot.file;
    say(snapshot, measuredAt(snapshot));
    range.value = index;
    onMove(snapshot.iteration);
  };
  const range = element("input", {
    type: "range",
    class: "snapshots",
    min: 0,
    max: last,
    value: first,
    "aria-label": "iteration",
    oninput: () => show(Number(range.value)),
  });
  say(run.snapshots[first], found < 0 ? "" : measuredAt(run.snapshots[first]));
  const label = element("label", { class: "control grow" }, "1 ", range, ` ${run.snapshots[last].iteration}`);
  const controls = element("div", { class: "controls" }, playButton(show, last, image), label);
  const frame = viewer(run, image, null, "image", caption);
  return element("div", {}, controls, element("div", { class: "frames one" }, frame));
}

// Shows one after the other, until the last, or until the page shows something else.
function playButton(show, last, image) {
  let playing = null;
  const stop = () => {
    clearInterval(playing);
    playing = null;
    play.textContent = "play";
  };
  const play = button("play", () => {
    if (playing) {
      stop();
      return;
    }
    play.textContent = "stop";
    let at = -1;
    playing = setInterval(() => {
      at += 1;
      if (at > last || !image.isConnected) stop();
      else show(at);
    }, 500);
  });
  return play;
}

function resultFrames(run) {
  const box = element("div");
  const redraw = () =>
    keepFocus(() => {
      remember();
      box.replaceChildren(imageControls([run], redraw), element("div", { class: "frames one" }, comparison(run)));
    });
  redraw();
  return box;
}

function commandBox(command) {
  const press = button("copy", () => copy(command, press), { class: "copy" });
  return element("div", { class: "command" }, element("code", { tabindex: 0 }, command), press);
}

function settingsTable(run) {
  const swept = new Set(SWEPT);
  const rows = Object.entries(run.settings)
    .filter(([, value]) => value !== null)
    .map(([key, value]) =>
      element(
        "tr",
        { class: swept.has(key) ? "swept" : "" },
        element("th", { scope: "row" }, key),
        element("td", {}, format(value)),
      ),
    );
  return element("table", { class: "settings" }, element("tbody", {}, ...rows));
}
