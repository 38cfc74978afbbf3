// The table of all runs, or of the means over their seeds; of many rows only those in sight are made.

const TABLE_METRICS = ["psnr_result", "psnr_average", "psnr", "psnr_best", "ssim_result", "seconds"];
const ALL_ROWS = 100; // up to here all are made
const PHONE = matchMedia("(max-width: 640px)");
const rowHeight = () => (PHONE.matches ? 86 : 54); // pixels, of a row among many
const opened = new Set(); // groups whose runs are shown

VIEWS.push({ name: "table", title: "Runs", make: tableView });

function columns() {
  if (state.columns.length) return state.columns;
  const metrics = [metricKey(), ...TABLE_METRICS.filter((key) => METRICS.includes(key))];
  const facts = ["status", ...["task", "image", "group"].filter((key) => distinct(RUNS, key).length > 1)];
  return [...new Set([...metrics, ...facts, ...SWEPT.filter((key) => !(isGrouped() && key === "seed"))])];
}

function tableView() {
  const head = element("thead"),
    body = element("tbody"),
    count = element("p", { class: "note", role: "status" });
  const table = element("table", { class: "runs", "aria-label": "runs" }, head, body);
  const box = element(
    "div",
    { class: "scroll rows", tabindex: 0, role: "region", "aria-label": "table of runs" },
    table,
  );
  const waiting = element("details", { class: "queued" });
  let units = [],
    keys = [];
  const fill = () =>
    keepFocus(() => {
      units = withMembers(shownUnits());
      keys = columns();
      head.replaceChildren(
        element(
          "tr",
          {},
          element("th", { class: "mark", scope: "col" }, selectAll(units, update)),
          element("th", { class: "name", scope: "col" }, isGrouped() ? "setting" : "run"),
          ...keys.map((key) => headCell(key, update)),
        ),
      );
      table.setAttribute("aria-rowcount", units.length + 1);
      count.replaceChildren(countText(), ...limitChips(update));
      waiting.hidden = !DATA.queued.length;
      waiting.replaceChildren(...queuedList());
    });
  const draw = () => keepFocus(() => body.replaceChildren(...rowsInSight(box, units, keys, update)));
  const update = () => {
    fill();
    draw();
  };
  box.addEventListener("scroll", () => {
    if (units.length > ALL_ROWS) draw();
  });
  update();
  requestAnimationFrame(draw);
  return { node: element("section", {}, tableControls(update), count, box, waiting), update };
}

function tableControls(update) {
  const problem = element("span", { class: "problem", role: "alert" });
  const say = () => {
    problem.textContent = parseFilter(state.filter).problems.join("; ");
  };
  const filter = element("input", {
    type: "search",
    id: "filter",
    value: state.filter,
    placeholder: "bird lr=0.01 or psnr>30 -status=failed",
    "aria-label": "filter runs",
    title: "words, -word, /expression/, key=value, key!=value, key>number, key~expression; or",
    oninput: () => {
      state.filter = filter.value;
      remember();
      say();
      update();
    },
  });
  say();
  const csv = button(
    "CSV",
    () => save(`${DATA.title}.csv`, "text/csv", csvOf(selectedUnits().length ? selectedUnits() : shownUnits())),
    { title: "save the selected rows, or all that are shown, as CSV" },
  );
  return element(
    "div",
    { class: "controls" },
    filter,
    problem,
    hasSeeds()
      ? tick("means over seeds", state.group, (on) => {
          state.group = on;
          state.selected = [];
          remember();
          render();
        })
      : null,
    columnChooser(update),
    csv,
  );
}

function columnChooser(update) {
  const known = [...new Set([...columns(), ...METRICS, "status", "task", "image", "group", ...SWEPT, ...allKeys()])];
  const boxes = known.map((key) =>
    tick(nameOf(key), columns().includes(key), (on) => {
      state.columns = on ? [...columns(), key] : columns().filter((other) => other !== key);
      remember();
      update();
    }),
  );
  return element(
    "details",
    { class: "menu" },
    element("summary", {}, "Columns"),
    element(
      "div",
      {},
      button("as at first", () => {
        state.columns = [];
        remember();
        render();
      }),
      ...boxes,
    ),
  );
}

function withMembers(units) {
  return units
    .flatMap((unit) =>
      unit.members && opened.has(unit.key)
        ? [unit, ...unit.members.map((run) => ({ unit: run, inside: true }))]
        : [unit],
    )
    .map((row) => (row.unit ? row : { unit: row }));
}

// Rows in sight, between two empty ones as high as what is left out.
function rowsInSight(box, units, keys, update) {
  const few = units.length <= ALL_ROWS,
    high = box.clientHeight || 800;
  const first = few ? 0 : Math.max(0, Math.floor(box.scrollTop / rowHeight()) - 8),
    last = few ? units.length : Math.min(units.length, first + Math.ceil(high / rowHeight()) + 16);
  box.classList.toggle("many", !few);
  const space = (rows) =>
    element(
      "tr",
      { class: "space", "aria-hidden": "true" },
      element("td", { colspan: keys.length + 2, style: `height:${rows * rowHeight()}px` }),
    );
  const rows = units.slice(first, last).map((row, i) => tableRow(row, keys, first + i + 2, update));
  return [...(first ? [space(first)] : []), ...rows, ...(last < units.length ? [space(units.length - last)] : [])];
}

function countText() {
  const runs = shownRuns(),
    parts = distinct(runs, "status").map((status) => `${runs.filter((run) => run.status === status).length} ${status}`);
  if (DATA.queued.length) parts.push(`${DATA.queued.length} queued`);
  return `${runs.length} of ${RUNS.length} runs${parts.length ? ` (${parts.join(", ")})` : ""}, ${state.selected.length} selected. `;
}

function queuedList() {
  const items = DATA.queued.map((job) =>
    element(
      "li",
      {},
      `${job.group}: ${
        Object.entries(job.settings)
          .map(([key, value]) => `${key}=${format(value)}`)
          .join(" ") || job.name
      }`,
    ),
  );
  return [element("summary", {}, `${items.length} queued`), element("ul", {}, ...items)];
}

function limitChips(update) {
  return Object.entries(state.limits).map(([key, limits]) =>
    button(
      `${limitText(key, limits)} ×`,
      () => {
        delete state.limits[key];
        remember();
        update();
      },
      { class: "chip", title: "lift this limit" },
    ),
  );
}

function limitText(key, [low, high]) {
  const [from, to] = [low, high].map((value) => (value === null ? NONE : format(value)));
  return from === to ? `${key} = ${from}` : `${key} from ${from} to ${to}`;
}

function headCell(key, update) {
  const sorted = (state.sort || metricKey()) === key;
  const sort = () => {
    state.down = sorted ? !isDown(key) : null;
    state.sort = key;
    remember();
    update();
  };
  return element(
    "th",
    {
      "data-key": key,
      class: isNumeric(key) ? "number" : null,
      "aria-sort": sorted ? (isDown(key) ? "descending" : "ascending") : "none",
      scope: "col",
    },
    button(nameOf(key) + (sorted ? (isDown(key) ? " ▼" : " ▲") : ""), sort),
  );
}

function isNumeric(key) {
  return RUNS.some((run) => isNumber(valueOf(run, key)));
}

function selectAll(rows, update) {
  const units = rows.filter((row) => !row.inside).map((row) => row.unit);
  return element("input", {
    type: "checkbox",
    checked: units.length > 0 && units.every((unit) => state.selected.includes(keyOf(unit))),
    "aria-label": "select all shown rows",
    onchange: (event) => {
      state.selected = event.target.checked ? units.map(keyOf) : [];
      remember();
      update();
    },
  });
}

function tableRow({ unit, inside }, keys, index, update) {
  const chosen = state.selected.includes(keyOf(unit));
  const box = inside
    ? null
    : element("input", {
        type: "checkbox",
        checked: chosen,
        "aria-label": `select ${labelOf(unit)}`,
        onchange: () => {
          toggleSelected(unit, box.checked);
          update();
        },
      });
  const open =
    unit.members &&
    button(
      `${unit.members.length} ${opened.has(unit.key) ? "▾" : "▸"}`,
      () => {
        if (!opened.delete(unit.key)) opened.add(unit.key);
        update();
      },
      {
        class: "seeds",
        title: "its seeds",
        "aria-label": `${unit.members.length} seeds of ${labelOf(unit)}`,
        "aria-expanded": String(opened.has(unit.key)),
      },
    );
  const text = inside ? `seed ${format(unit.settings.seed)}` : labelOf(unit);
  return element(
    "tr",
    {
      class: [chosen && "selected", inside && "inside"].filter(Boolean).join(" ") || null,
      "data-run": unit.id,
      "aria-rowindex": index,
    },
    element("td", { class: "mark" }, box),
    element(
      "th",
      { class: "name", scope: "row" },
      element(
        "div",
        {},
        element("a", { href: addressOf(unit), title: unit.id }, thumbnail(unit), element("span", {}, text)),
        open || null,
      ),
    ),
    ...keys.map((key) => tableCell(unit, key)),
  );
}

function thumbnail(run) {
  const source = previewOf(run, "restored") || previewOf(run, "observed");
  return source
    ? element("img", { class: "thumb", src: source, alt: "", decoding: "async" })
    : element("span", { class: "thumb none" });
}

function tableCell(unit, key) {
  if (key === "status") return element("td", {}, statusBadge(unit));
  const value = valueOf(unit, key);
  return element(
    "td",
    { class: isNumber(value) || isNumeric(key) ? "number" : null, title: isNumber(value) ? String(value) : null },
    unit.members ? spreadText(unit, key) : format(value, key),
  );
}

function csvOf(units) {
  const keys = [...new Set([...columns(), ...SWEPT])],
    quote = (v) => {
      const text = Array.isArray(v) ? JSON.stringify(v) : String(v ?? "");
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
  const grouped = units.some((unit) => unit.members),
    stds = grouped ? keys.filter((key) => METRICS.includes(key)) : [];
  const head = ["run", ...keys, ...stds.flatMap((key) => [`${key}_std`, `${key}_n`])];
  const rows = units.map((unit) => [
    unit.id,
    ...keys.map((key) => valueOf(unit, key)),
    ...stds.flatMap((key) => [unit.spread?.[key], unit.members ? unit.count[key] || 0 : 1]),
  ]);
  return [head, ...rows].map((row) => row.map(quote).join(",")).join("\n") + "\n";
}
