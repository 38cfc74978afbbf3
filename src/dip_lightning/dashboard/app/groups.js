// Runs that differ in nothing but the seed are one setting: their mean, spread and number.

// The runs, or their groups where seeds differ and that is asked for.
function unitsOf(runs) {
  if (!isGrouped()) return runs;
  const by = new Map();
  for (const run of runs) {
    const key = settingKey(run);
    by.set(key, [...(by.get(key) || []), run]);
  }
  return [...by].map(([key, members]) => (members.length > 1 ? groupOf(key, members) : members[0]));
}

function hasSeeds() {
  return SWEPT.includes("seed");
}

function isGrouped() {
  return hasSeeds() && state.group;
}

function settingKey(run) {
  return JSON.stringify([...PLACE, ...SWEPT].filter((key) => key !== "seed").map((key) => run.settings[key] ?? null));
}

// What a selection remembers of it: the same for a setting whichever of its seeds are shown.
function keyOf(unit) {
  return unit.members ? unit.key : isGrouped() ? `g${hash(settingKey(unit))}` : unit.key;
}

const groupCache = new Map();

// A group is read like a run; `spread` has the standard deviation of each metric, `count` of how many.
function groupOf(key, members) {
  const which = members.map((run) => [run.key, run.stamp, run.status]).join();
  const old = groupCache.get(which);
  if (old) return old;
  if (groupCache.size > 5000) groupCache.clear();
  const metrics = {},
    spread = {},
    count = {};
  for (const metric of METRICS) {
    const { mean, std, n } = statistics(ofEachSeed(members).map((run) => run.metrics[metric]));
    if (n) [metrics[metric], spread[metric], count[metric]] = [mean, n > 1 ? std : null, n];
  }
  const first = firstOf(members),
    { seed, ...settings } = first.settings;
  const statuses = distinct(members, "status");
  const group = {
    ...first,
    id: `${first.id} and ${members.length - 1} more`,
    key: `g${hash(key)}`,
    label: null,
    decoded: null,
    members,
    settings,
    metrics,
    spread,
    count,
    live: null,
    status:
      statuses.length === 1
        ? statuses[0]
        : statuses.map((s) => `${members.filter((run) => run.status === s).length} ${s}`).join(", "),
    text: null,
    means: null,
    drops: [],
  };
  groupCache.set(which, group);
  return group;
}

// What failed, was stopped or still runs does not count where others have ended.
function ended(members) {
  const finished = members.filter((run) => run.status === "finished");
  return finished.length ? finished : members;
}

// A fit that is done twice is no second seed: the last one counts.
function ofEachSeed(members) {
  return [...new Map(ended(members).map((run) => [run.settings.seed ?? run.key, run])).values()];
}

// The run that stands for a setting: one that counts.
function firstOf(members) {
  return ofEachSeed(members)[0];
}

function membersOf(unit) {
  return unit.members || [unit];
}

function statistics(values) {
  const found = values.filter(isNumber),
    n = found.length;
  if (!n) return { mean: null, std: null, n };
  const mean = found.reduce((sum, v) => sum + v, 0) / n;
  const std = n > 1 ? Math.sqrt(found.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1)) : 0;
  return { mean, std, n };
}

// A mean with its spread, as far as both are known.
function spreadText(unit, key) {
  const std = unit.spread && unit.spread[key];
  const n =
    unit.count && unit.count[key] < unit.members.length ? ` (${unit.count[key]} of ${unit.members.length})` : "";
  return format(valueOf(unit, key), key) + (isNumber(std) ? ` ± ${format(std, key)}` : "") + n;
}

// The curve of a run, or the mean of a group's with its band, where all of them have values.
function seriesOf(unit, column, x) {
  if (!unit.members) {
    const curve = curveOf(unit);
    return curve[x] && curve[column] ? { xs: curve[x], ys: curve[column] } : null;
  }
  unit.means ||= {};
  return (unit.means[`${column} ${x}`] ??= meanCurve(unit.members, column, x)) || null;
}

// As far as the shortest goes.
function meanCurve(members, column, x) {
  const curves = ofEachSeed(members)
    .map(curveOf)
    .filter((c) => c[x]?.length && c[column]);
  if (!curves.length) return false;
  const end = Math.min(...curves.map((c) => c[x][c[x].length - 1]));
  const xs = curves[0][x].filter((v) => v <= end);
  const [ys, low, high] = [0, 0, 0].map(() => new Float64Array(xs.length));
  const log = column === "loss";
  xs.forEach((at, i) => {
    const { mean, std, n } = statistics(
      curves.map((c) => {
        const y = between(c[x], c[column], at);
        return log ? Math.log10(y) : y;
      }),
    );
    const back = (v) => (n < curves.length ? NaN : log ? 10 ** v : v);
    [ys[i], low[i], high[i]] = [back(mean), back(mean - std), back(mean + std)];
  });
  return { xs, ys, band: curves.length > 1 ? [low, high] : null, n: curves.length };
}

// The runs of each problem, or of what is alike in some of what makes one, with its name.
function problemsOf(runs, keys = PROBLEM) {
  const by = new Map();
  for (const run of runs) {
    const key = JSON.stringify(keys.map((name) => run.settings[name] ?? null));
    by.set(key, [...(by.get(key) || []), run]);
  }
  return [...by.values()]
    .map((members) => [problemName(members[0], keys), members])
    .sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
}

// How much each key matters to the metric, each image for itself: Spearman's rank correlation, and
// the share of the variance between its values beyond what chance gives (epsilon squared).
function importance(runs, metric) {
  const centred = problemsOf(runs.filter((run) => isNumber(valueOf(run, metric)))).flatMap(([, members]) => {
    const counted = ended(members);
    const { mean } = statistics(counted.map((run) => valueOf(run, metric)));
    return counted.map((run) => [run, valueOf(run, metric) - mean]);
  });
  return SWEPT.filter((key) => !PROBLEM.includes(key) && key !== "seed")
    .map((key) => {
      const rows = centred
        .filter(([run]) => hasValue(run, key))
        .map(([run, rest]) => [valueOf(run, key), rest]);
      const numbers = rows.filter(([value]) => value !== null); // no guard has no rank among guards
      const levels = new Set(rows.map(([value]) => format(value))).size;
      return { key, n: rows.length, levels, rank: rankCorrelation(numbers), share: varianceShare(rows, levels) };
    })
    .filter(({ levels }) => levels > 1)
    .sort((a, b) => strength(b) - strength(a));
}

function strength({ share, rank }) {
  return share ?? (rank === null ? -1 : rank ** 2);
}

function rankCorrelation(rows) {
  if (rows.length < 3 || !rows.every(([value]) => isNumber(value))) return null;
  const [a, b] = [0, 1].map((i) => ranks(rows.map((row) => row[i])));
  const [ma, mb] = [a, b].map((list) => statistics(list));
  if (!ma.std || !mb.std) return null;
  return a.reduce((sum, v, i) => sum + (v - ma.mean) * (b[i] - mb.mean), 0) / (a.length - 1) / ma.std / mb.std;
}

// Equal values share the mean of their ranks.
function ranks(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = new Map();
  sorted.forEach((v, i) => at.set(v, [...(at.get(v) || []), i]));
  return values.map((v) => statistics(at.get(v)).mean);
}

function varianceShare(rows, levels) {
  const n = rows.length;
  if (levels < 2 || n < levels + 2) return null;
  const squares = (list) => {
    const { mean } = statistics(list);
    return list.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  };
  const by = new Map();
  for (const [value, y] of rows) by.set(format(value), [...(by.get(format(value)) || []), y]);
  const total = squares(rows.map(([, y]) => y));
  const within = [...by.values()].reduce((sum, list) => sum + squares(list), 0) / (n - levels);
  return total ? Math.max(0, 1 - (within * (n - 1)) / total) : null;
}
