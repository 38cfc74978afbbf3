// Building elements and controls, hints, files to save.

const VIEWS = []; // each file of a view adds its own, { name, title, make }

// element("button", { class: "x", onclick: f }, "text", child)
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  apply(made, attributes, children);
  return made;
}

function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(made, attributes, children);
  return made;
}

function apply(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
}

function choice(label, options, value, onChange) {
  const select = element("select", { name: label, onchange: () => onChange(select.value) });
  for (const [key, text] of options) {
    select.append(element("option", { value: key, selected: key === value }, text));
  }
  return element("label", { class: "control" }, `${label} `, select);
}

function tick(label, value, onChange) {
  const box = element("input", {
    type: "checkbox",
    name: label,
    checked: value,
    onchange: () => onChange(box.checked),
  });
  return element("label", { class: "control" }, box, ` ${label}`);
}

function slider(label, { min, max, step = 1, value, show = String }, onInput) {
  const text = element("output", {}, show(value));
  const range = element("input", {
    type: "range",
    min,
    max,
    step,
    value,
    "aria-label": label,
    oninput: () => {
      text.textContent = show(Number(range.value));
      onInput(Number(range.value));
    },
  });
  return element("label", { class: "control grow" }, `${label} `, range, text);
}

function button(text, onClick, attributes = {}) {
  return element("button", { type: "button", onclick: onClick, ...attributes }, ...[text].flat());
}

// Shows a hint beside the pointer, text or elements; hides it without any.
function tell(event, ...content) {
  const tip = document.getElementById("tip");
  tip.hidden = !content.length || !content[0];
  if (tip.hidden) return;
  tip.replaceChildren(...content);
  const { innerWidth, innerHeight } = window;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
}

// Follows a pointer that was pressed until it is let go, or taken away by the browser, which scrolls.
function follow(event, node, move, end = () => {}) {
  const followed = new AbortController(),
    { signal } = followed;
  node.setPointerCapture(event.pointerId);
  node.addEventListener("pointermove", move, { signal });
  for (const name of ["pointerup", "pointercancel"]) {
    const stop = (e) => {
      followed.abort();
      end(e);
    };
    node.addEventListener(name, stop, { signal });
  }
}

async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers that refuse the clipboard to pages from a file still know the old way.
    const field = element("textarea", {}, text);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  pressed.textContent = "copied";
  setTimeout(() => {
    pressed.textContent = "copy";
  }, 1500);
}

// What has the focus keeps it when it is made anew: the same control of the same run or place.
function keepFocus(draw) {
  const before = document.activeElement,
    names = ["data-run", "data-key", "data-axis", "aria-label", "href", "name", "id"];
  const path = [];
  for (let node = before; node && node !== document.body; node = node.parentElement) {
    const name = names.find((key) => node.hasAttribute(key));
    if (name || !path.length)
      path.unshift(`${node.tagName.toLowerCase()}${name ? `[${name}="${CSS.escape(node.getAttribute(name))}"]` : ""}`);
  }
  draw();
  if (!path.length || before.isConnected) return;
  document.querySelector(path.join(" "))?.focus({ preventScroll: true });
}

// Gives the user a file.
function save(name, type, text) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Saves a drawing as it is, or as pixels, two for each of its own.
function savePicture(name, svg, { width, height }, kind) {
  if (kind === "svg") {
    save(`${name}.svg`, "image/svg+xml", svg);
    return;
  }
  const image = new Image();
  image.onload = () => {
    const canvas = element("canvas", { width: Math.round(2 * width), height: Math.round(2 * height) });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
    canvas.toBlob((blob) => save(`${name}.png`, "image/png", blob));
  };
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function exportButtons(name, make) {
  return ["svg", "png"].map((kind) =>
    button(
      kind.toUpperCase(),
      () => {
        const { svg, ...size } = make();
        savePicture(name, svg, size, kind);
      },
      {
        class: `export ${kind}`,
        title: `save ${name} as ${kind.toUpperCase()}`,
        "aria-label": `save ${name} as ${kind.toUpperCase()}`,
      },
    ),
  );
}

// The data of a chart in words, made when they are asked for; `renew` keeps those that are seen.
function dataTable(name, make) {
  const box = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `data of ${name}` });
  const fill = () => {
    const { head, rows } = make();
    box.replaceChildren(
      element(
        "table",
        { class: "plain" },
        element("caption", {}, name),
        element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
        element(
          "tbody",
          {},
          ...rows.map((row) =>
            element("tr", {}, ...row.map((text, i) => element(i ? "td" : "th", i ? {} : { scope: "row" }, text))),
          ),
        ),
      ),
    );
  };
  const renew = () => node.open && fill();
  const node = element("details", { class: "data", ontoggle: renew }, element("summary", {}, "Data as a table"), box);
  return { node, renew };
}

function escapeText(text) {
  return String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
