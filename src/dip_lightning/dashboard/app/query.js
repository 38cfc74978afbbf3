// The filter: words, -word, /expression/, key=value, key!=value, key>number, key~expression; `or`.

// Blanks around a sign do not count; quotes keep what is between them together.
const TOKEN = /(-?)(?:([\w.]+)\s*(!=|<=|>=|=|<|>|~)\s*("[^"]*"|[^\s"]+)|"([^"]*)"|\/((?:\\.|[^/\\])+)\/|(\S+))/g;

// A test of runs, and what is wrong with the text, in words.
function parseFilter(text) {
  const ways = [[]],
    problems = [];
  for (const found of text.matchAll(TOKEN)) {
    const [whole, minus, key, sign, value, quoted, expression, word] = found;
    if (/^or$/i.test(whole)) {
      ways.push([]);
      continue;
    }
    const test = key
      ? keyTest(key, sign, value.replace(/^"|"$/g, ""), problems)
      : expression
        ? expressionTest(expression, searchText, problems)
        : wordTest(quoted ?? word);
    if (test) ways[ways.length - 1].push(minus ? (run) => !test(run) : test);
  }
  const kept = ways.filter((tests) => tests.length);
  return { problems, test: (run) => !kept.length || kept.some((tests) => tests.every((test) => test(run))) };
}

function wordTest(word) {
  const wanted = word.toLowerCase();
  return (run) => searchText(run).includes(wanted);
}

function expressionTest(source, read, problems) {
  try {
    const expression = new RegExp(source, "i");
    return (run) => expression.test(read(run));
  } catch {
    problems.push(`/${source}/ is no regular expression`);
    return null;
  }
}

function keyTest(key, sign, wanted, problems) {
  const keys = allKeys();
  if (!keys.includes(key)) {
    const like = keys.filter((other) => other.includes(key) || key.includes(other)).slice(0, 4);
    problems.push(`no run has a key ${key}${like.length ? `; there are ${like.join(", ")}` : ""}`);
    return () => false;
  }
  const read = (run) => valueOf(run, key);
  if (sign === "~") return expressionTest(wanted, (run) => format(read(run)), problems);
  const equal = (value) =>
    value === null
      ? ["none", "null"].includes(wanted)
      : format(value) === wanted || String(value) === wanted || (isNumber(value) && value === Number(wanted));
  if (sign === "=") return (run) => equal(read(run));
  if (sign === "!=") return (run) => !equal(read(run));
  const bound = Number(wanted);
  if (Number.isNaN(bound)) problems.push(`${key}${sign} wants a number, not ${wanted}`);
  const holds = { "<": (v) => v < bound, ">": (v) => v > bound, "<=": (v) => v <= bound, ">=": (v) => v >= bound }[
    sign
  ];
  return (run) => isNumber(read(run)) && holds(read(run));
}

function searchText(run) {
  run.text ||= [run.id, run.status, run.image, run.settings.task, labelOf(run)].join(" ").toLowerCase();
  return run.text;
}
