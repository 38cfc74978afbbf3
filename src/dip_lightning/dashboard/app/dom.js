// Building elements, controls and colours.

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
  const box = element("input", { type: "checkbox", checked: value, onchange: () => onChange(box.checked) });
  return element("label", { class: "control" }, box, ` ${label}`);
}

function slider(label, { min, max, step = 1, value, show = String }, onInput) {
  const text = element("output", {}, show(value));
  const range = element("input", {
    type: "range", min, max, step, value, "aria-label": label,
    oninput: () => { text.textContent = show(Number(range.value)); onInput(Number(range.value)); },
  });
  return element("label", { class: "control grow" }, `${label} `, range, text);
}

function button(text, onClick, attributes = {}) {
  return element("button", { type: "button", onclick: onClick, ...attributes }, text);
}

// Shows a hint beside the pointer; hides it without text.
function tell(event, text) {
  const tip = document.getElementById("tip");
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { innerWidth, innerHeight } = window;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
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
  setTimeout(() => { pressed.textContent = "copy"; }, 1500);
}

function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

// Ten colours that differ in hue and lightness (after Tableau 10), then more hues.
const LINES = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#8f6bb3", "#9c755f", "#d37295", "#2fa3a0", "#b39b20", "#7f8790"];

function lineColour(index) {
  return index < LINES.length ? LINES[index] : `hsl(${(index * 137.5) % 360} 55% 52%)`;
}

// Viridis, nine of its colours.
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];

function scaleColour(share) {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const mixed = VIRIDIS[i].map((c, k) => Math.round(c + (at - i) * (VIRIDIS[i + 1][k] - c)));
  return `rgb(${mixed.join(",")})`;
}

function inkOn(share) { return share > 0.6 ? "#111" : "#fff"; }

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (isNumber(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  }
  return low <= high ? [low, high] : null;
}
