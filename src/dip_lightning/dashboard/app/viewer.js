// Image viewers that zoom and pan in step: one place, shared by all of them, in shares of a frame.

const place = { zoom: 1, x: 0, y: 0 };
const MOST_ZOOM = 64;

function movePlace(zoom, x, y) {
  place.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
  place.x = Math.min(0, Math.max(1 - place.zoom, x));
  place.y = Math.min(0, Math.max(1 - place.zoom, y));
  const style = document.documentElement.style;
  style.setProperty("--zoom", place.zoom);
  style.setProperty("--shift-x", `${100 * place.x}%`);
  style.setProperty("--shift-y", `${100 * place.y}%`);
  document.documentElement.classList.toggle("enlarged", place.zoom > 2);
  for (const text of document.querySelectorAll(".zoom-text")) text.textContent = `${place.zoom.toFixed(1)}×`;
}

// Zooms about a point of the frame, both coordinates 0 ... 1.
function zoomAbout(factor, x, y) {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, place.zoom * factor));
  const grown = zoom / place.zoom;
  movePlace(zoom, x - (x - place.x) * grown, y - (y - place.y) * grown);
}

let cutShare = 0.5; // where before meets after

function setCut(share) {
  cutShare = share;
  document.documentElement.style.setProperty("--cut", `${100 * share}%`);
  for (const range of document.querySelectorAll("input.cut")) range.value = share;
}

// The small copy of an image that the page carries; runs that show the same share it.
function previewOf(run, kind) {
  return DATA.pictures[run.previews[kind]] || null;
}

// An image that falls back to its preview, and says so, where its file is not beside the page; without
// one there is nothing to see, as another image would pass for it.
function picture(run, kind, source = null) {
  const image = element("img", {
    src: source || run.images[kind] || previewOf(run, kind) || "",
    alt: `${kind} of ${labelOf(run)}`,
    draggable: "false",
    class: kind,
  });
  image.addEventListener("error", () => {
    const small = previewOf(run, kind);
    if (!small || image.getAttribute("src") === small) {
      image.classList.add("absent");
      return;
    }
    image.src = small;
    image.closest("figure")?.classList.add("fallback");
  });
  image.addEventListener("load", () => image.classList.remove("absent"));
  return image;
}

function stage(image, className) {
  return element("div", { class: `layer ${className}` }, element("div", { class: "stage" }, image));
}

// One frame: `mode` is image, slider or difference; `base` what is compared with.
function viewer(run, shown, base, mode, caption) {
  const frame = element("div", {
    class: `frame ${mode}`,
    tabindex: 0,
    role: "group",
    "aria-label": `${labelOf(run)}: wheel or + and - zoom, arrows move, 0 shows all`,
  });
  shapeFrame(frame, run, shown);
  if (mode === "slider" && base) {
    const handle = element("div", { class: "handle" });
    frame.append(stage(shown, "below"), stage(base, "above"), handle);
    handle.addEventListener("pointerdown", (event) => dragCut(event, frame, handle));
  } else if (mode === "difference" && base) {
    frame.append(element("div", { class: "layer difference" }, element("div", { class: "stage blend" }, shown, base)));
  } else frame.append(stage(shown, "below"));
  listenToFrame(frame);
  return element(
    "figure",
    {},
    frame,
    element(
      "figcaption",
      {},
      caption,
      element("span", { class: "fallback-note" }, " (preview: the file is not beside this page)"),
      element("span", { class: "missing-note" }, " (the file is not beside this page)"),
    ),
  );
}

// A job that runs or was lost has written no size: its image has one.
function shapeFrame(frame, run, image) {
  const fit = (ratio) => frame.style.setProperty("--ratio", ratio);
  const [, height, width] = Array.isArray(run.metrics.size) ? run.metrics.size.map(Number) : [];
  if (width > 0 && height > 0) fit(width / height);
  else image.addEventListener("load", () => fit(image.naturalWidth / image.naturalHeight));
}

function dragCut(event, frame, handle) {
  event.stopPropagation();
  event.preventDefault();
  follow(event, handle, (e) => setCut(Math.min(1, Math.max(0, pointIn(frame, e).x / frame.clientWidth))));
}

function listenToFrame(frame) {
  const share = (event) => {
    const p = pointIn(frame, event);
    return [p.x / frame.clientWidth, p.y / frame.clientHeight];
  };
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== frame) return; // the page scrolls
      event.preventDefault();
      zoomAbout(event.deltaY < 0 ? 1.25 : 0.8, ...share(event));
    },
    { passive: false },
  );
  frame.addEventListener("dblclick", (event) => (place.zoom > 1 ? movePlace(1, 0, 0) : zoomAbout(4, ...share(event))));
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType === "touch" && place.zoom === 1)) return;
    frame.focus({ preventScroll: true });
    let [x, y] = share(event);
    follow(event, frame, (e) => {
      const [nx, ny] = share(e);
      movePlace(place.zoom, place.x + nx - x, place.y + ny - y);
      [x, y] = [nx, ny];
    });
  });
  frame.addEventListener("keydown", (event) => {
    const step = 0.1;
    const actions = {
      "+": () => zoomAbout(1.5, 0.5, 0.5),
      "=": () => zoomAbout(1.5, 0.5, 0.5),
      "-": () => zoomAbout(1 / 1.5, 0.5, 0.5),
      0: () => movePlace(1, 0, 0),
      ArrowLeft: () => movePlace(place.zoom, place.x + step, place.y),
      ArrowRight: () => movePlace(place.zoom, place.x - step, place.y),
      ArrowUp: () => movePlace(place.zoom, place.x, place.y + step),
      ArrowDown: () => movePlace(place.zoom, place.x, place.y - step),
    };
    press(event, actions);
  });
}

// |a - b|, the mean of the channels, times a gain, in the colours of viridis.
function setGain(gain) {
  const third = gain / 3;
  const row = `${third} ${third} ${third} 0 0`;
  const table = (channel) => VIRIDIS.map((c) => (c[channel] / 255).toFixed(3)).join(" ");
  const filter = shape(
    "filter",
    { id: "error", "color-interpolation-filters": "sRGB" },
    shape("feColorMatrix", { type: "matrix", values: `${row} ${row} ${row} 0 0 0 0 1` }),
    shape(
      "feComponentTransfer",
      {},
      ...["R", "G", "B"].map((name, i) => shape(`feFunc${name}`, { type: "table", tableValues: table(i) })),
    ),
  );
  document.getElementById("filters").replaceChildren(filter);
}

function errorBar(gain) {
  const stops = VIRIDIS.map((c) => `rgb(${c.join(",")})`).join(",");
  return element(
    "div",
    { class: "bar" },
    "0",
    element("span", { style: `background:linear-gradient(90deg,${stops})` }),
    `${(255 / gain).toFixed(gain > 25 ? 1 : 0)} of 255 and more: |difference|, mean of the channels`,
  );
}
