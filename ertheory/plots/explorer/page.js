// The page: the question in its fields, in the sliders and in the address; answers from a worker; table, curves, drawing.

const STARTED = { target: "784-128-10", sparsity: "0.9", delta: "0.001" };
const GRID = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999];
const field = (name) => document.getElementById(name);
const hidden = new Set();
let state = { rows: new Map(), curves: new Map(), question: null, texts: null, seed: 1, chosen: "factored" };

// --- the question ---------------------------------------------------------------------------------------------------

function asked() {
  const search = new URLSearchParams(location.search || location.hash.replace(/^#/, "?"));
  const given = { ...STARTED, ...GIVEN };
  return Object.fromEntries(Object.keys(STARTED).map((name) => [name, search.get(name) || given[name]]));
}

const texts = () => Object.fromEntries(Object.keys(STARTED).map((name) => [name, field(name).value.trim()]));

/** The slider of the sparsity is even in log(s / (1 - s)), that of delta in its logarithm. */
const SLIDERS = {
  sparsity: {
    text(place) {
      const value = 1 / (1 + Math.exp(-(-3 + (place / 1000) * 10)));
      return String(value < 0.9 ? Number(value.toFixed(2)) : Number((1 - Number((1 - value).toPrecision(2))).toFixed(6)));
    },
    place: (value) => ((Math.log(value / (1 - value)) + 3) / 10) * 1000,
  },
  delta: {
    text: (place) => String(Number((10 ** (-9 + (place / 1000) * 8.7)).toPrecision(1))),
    place: (value) => ((Math.log10(value) + 9) / 8.7) * 1000,
  },
};

function follow(name) {
  const value = rational(field(name).value);
  if (value) field(`${name}-slider`).value = Math.round(SLIDERS[name].place(toDouble(value)));
  field(`${name}-slider`).setAttribute("aria-valuetext", field(name).value);
}

function ask() {
  const given = texts();
  const { question, error } = readQuestion(given);
  for (const name of Object.keys(STARTED)) field(name).setAttribute("aria-invalid", String(error?.field === name));
  field("said").textContent = error ? `${error.field}: expected ${error.message}` : "";
  if (error) return;
  const same = state.texts && state.texts.target === given.target && state.texts.delta === given.delta;
  state = { ...state, question, texts: given, rows: new Map(), curves: same ? state.curves : new Map() };
  try {
    history.replaceState(null, "", `?${new URLSearchParams(given)}`);
  } catch {
    // Some browsers forbid it for files; the fields say it all.
  }
  showCommands(given);
  showNetworks();
  field("answer").setAttribute("aria-busy", "true");
  const jobs = STATEMENTS.map((name) => ({ name, texts: given }));
  for (const sparsity of GRID) {
    if (!state.curves.has(sparsity)) jobs.push({ sparsity, texts: { ...given, sparsity: String(sparsity) } });
  }
  queue(jobs);
}

// --- the worker -----------------------------------------------------------------------------------------------------

function done({ name, sparsity, texts: given }) {
  const { question } = readQuestion(given);
  if (name) return { name, given, row: answer(name, question) };
  const rows = STATEMENTS.map((one) => answer(one, question));
  return { sparsity, given, values: rows.map(({ method, widths, hidden: total, ratio }) => ({ method, total: total ?? known(widths), ratio })) };
}

const known = (widths) => widths && widths.reduce((sum, width) => sum + (width ?? 0), 0);

const HANDLER = `
STATEMENTS.length;
const known = ${known};
${done}
onmessage = (event) => postMessage(done(event.data));`;

let [worker, waiting, busy] = [null, [], false];

function startWorker() {
  try {
    const source = field("laws").textContent + HANDLER;
    worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    worker.onmessage = (event) => received(event.data);
    worker.onerror = () => {
      worker = null;
      busy = false;
      next();
    };
  } catch {
    worker = null; // then the page computes between its own events
  }
}

function queue(jobs) {
  waiting = jobs;
  if (worker && busy) {
    worker.terminate();
    startWorker();
  }
  busy = false;
  next();
}

function next() {
  if (busy || !waiting.length) return;
  busy = true;
  const job = waiting[0];
  if (worker) worker.postMessage(job);
  else setTimeout(() => job === waiting[0] && received(done(job)));
}

function received(result) {
  busy = false;
  waiting = waiting.slice(1);
  if (result.name) {
    state.rows.set(result.name, result.row);
    if (state.rows.size === STATEMENTS.length) showAnswer();
  } else {
    state.curves.set(result.sparsity, result.values);
    showCurves();
    if (!waiting.length) document.body.dataset.ready = "all";
  }
  next();
}

// --- what is shown --------------------------------------------------------------------------------------------------

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const grouped = (width) => width.toLocaleString("en-GB");

function widthsText({ widths, kind }) {
  if (!widths.includes(null)) return (kind === "necessary" ? "≥ " : "") + widths.map(grouped).join(" + ");
  const known = widths.flatMap((width, layer) => (width === null ? [] : [`N_${layer} ≥ ${grouped(width)}`]));
  return known.join(", ");
}

function successText(failure) {
  if (failure === null || failure === undefined) return "";
  if (failure <= 0) return "1";
  if (failure < 1e-12) return `1 − ${failure.toExponential(1)}`;
  const digits = Math.max(1, Math.floor(-Math.log10(failure)) + 4);
  return (Math.floor((1 - failure) * 10 ** digits) / 10 ** digits).toFixed(digits);
}

const commandFor = ({ target, sparsity, delta }, method) =>
  `ertheory width --target ${target} --sparsity ${sparsity} --delta ${delta}${method ? ` --method ${method}` : ""}`;

function showAnswer() {
  const body = field("widths").tBodies[0];
  const rows = STATEMENTS.map((name) => state.rows.get(name));
  const labels = ["", "kind", "layer 0", "hidden layers", "neurons", "success ≥", "edges", "edges : weights"];
  body.replaceChildren();
  for (const row of rows) {
    const mark = row.applies || !row.widths ? "" : "*";
    const head = element("th", { scope: "row" }, sample(row.method), row.method + mark + (row.unsure ? "?" : ""));
    if (!row.widths) {
      const why = row.heavy ? `too long for a page (${row.heavy}): ${commandFor(state.texts, row.method)}` : row.silent;
      body.append(element("tr", {}, head, element("td", { colspan: 7, class: "whole fine" }, why)));
      continue;
    }
    const cells = [
      row.kind, row.layer0, widthsText(row),
      row.hidden === null ? "" : short(row.hidden), successText(row.failure), short(row.edges), short(row.ratio),
    ];
    const made = cells.map((text, index) => {
      const number = index >= 3 ? { class: "number" } : {};
      return element("td", { "data-label": labels[index + 1], ...number }, text);
    });
    body.append(element("tr", { "data-method": row.method, "data-widths": row.widths.join(" ") }, head, ...made));
  }
  const factored = state.rows.get("factored");
  const { target, sparsity, delta } = state.texts;
  const said = factored.widths
    ? `Every ${target} network is, on any box of inputs, in a random one at sparsity ${sparsity}, with probability ` +
      `${successText(factored.failure)} or more, if the source is twice as deep, with hidden layers of ${widthsText(factored).replaceAll(" + ", ", ")} (factored): ` +
      `${short(factored.ratio)} expected edges for each weight of the target.`
    : `At δ = ${delta} the factored source is too wide for this page.`;
  field("sentence").textContent = said;
  showNotes(rows);
  field("answer").setAttribute("aria-busy", "false");
  document.body.dataset.ready ??= "answer";
  showCurves();
  showNetworks();
}

function showNotes(rows) {
  const notes = [];
  const printed = state.rows.get("printed");
  if (!printed.applies) {
    notes.push("* Theorems 2.1 and 2.2 as printed need a dense layer 0, which the paper leaves unsaid; with layer 0 masked " +
      "they are false, so the printed widths stand here for comparison. Edges count a masked layer 0 all the same.");
  }
  const unsure = rows.filter((row) => row.unsure).map((row) => row.method);
  if (unsure.length) {
    notes.push(`? Doubles cannot tell here whether one neuron less is enough (${unsure.join(", ")}). The command can: ` +
      commandFor(state.texts));
  }
  const degreeRow = state.rows.get("degree");
  if (degreeRow.widths) {
    notes.push(`degree holds for almost every target of these widths, and sources with at most ${short(degreeRow.reach)} ` +
      "neurons in layer 0. factored-paths and factored-count are necessary for factored sources alone.");
  }
  field("notes").replaceChildren(...notes.map((note) => element("p", { class: "fine" }, note)));
}

function showLegend() {
  for (const name of STATEMENTS) {
    const box = element("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => {
      if (box.checked) hidden.delete(name);
      else hidden.add(name);
      showCurves();
    });
    field("legend").append(element("label", {}, box, sample(name), name));
  }
}

function showCurves() {
  const shown = STATEMENTS.filter((name) => !hidden.has(name));
  const at = toDouble(complement(state.question.density));
  for (const [id, key, title] of [["neurons", "total", "Hidden neurons"], ["edges", "ratio", "Edges for each weight of the target"]]) {
    const solidFirst = [...shown].sort((a, b) => Boolean(LOOKS[a].dash) - Boolean(LOOKS[b].dash)); // dashes show on them
    const curves = solidFirst.map((name) => ({
      name,
      points: GRID.map((s) => [s, state.curves.get(s)?.find((one) => one.method === name)[key]]),
    }));
    const values = {};
    for (const name of state.rows.size === STATEMENTS.length ? shown : []) {
      const row = state.rows.get(name);
      const value = key === "total" ? row.hidden ?? known(row.widths) : row.ratio;
      if (value) values[name] = value;
    }
    drawChart(field(id), curves, { sparsity: at, values }, title);
  }
}

function networks() {
  const { widths } = state.question;
  const list = [["target", "the target (no mask)", widths, 1]];
  for (const name of ["factored", "drop", "exact", "printed"]) {
    const row = state.rows.get(name);
    if (row?.widths) list.push([name, `the ${name} source`, [widths[0], ...row.widths, widths.at(-1)], toDouble(state.question.density)]);
  }
  return list;
}

function showNetworks() {
  const list = networks();
  const before = state.chosen;
  field("drawn").replaceChildren(...list.map(([id, label]) => element("option", { value: id }, label)));
  field("drawn").value = list.some(([id]) => id === before) ? before : list[0][0];
  const [id, , sizes, density] = list.find(([one]) => one === field("drawn").value);
  const { kept, drawn: entries, cut } = drawNetwork(field("network"), sizes, density, state.seed);
  const part = cut ? `At most ${MOST_DRAWN - 1} neurons of a wide layer are drawn; between these, ` : "";
  field("network-says").textContent = id === "target"
    ? "The target: every weight may be anything."
    : `${part}${kept} of ${entries} entries are kept (lines), the others are masked (dots). This mask was drawn by the page; ` +
      "ertheory embed draws one by seed, finds the target in it and proves it.";
}

function showCommands(given) {
  field("command").textContent = commandFor(given);
  const { target, sparsity, delta } = given;
  field("python").textContent = `import ertheory\n\nprint(ertheory.width("${target}", sparsity="${sparsity}", delta="${delta}"))`;
  field("heavier").textContent = ["sharp", "coupled", "least-total"].map((name) => commandFor(given, name)).join("\n");
}

// --- what people do -------------------------------------------------------------------------------------------------

let later = 0;
const soon = () => {
  clearTimeout(later);
  later = setTimeout(ask, 120);
};

for (const name of Object.keys(STARTED)) field(name).addEventListener("input", () => (SLIDERS[name] && follow(name), soon()));
for (const name of Object.keys(SLIDERS)) {
  field(`${name}-slider`).addEventListener("input", (event) => {
    field(name).value = SLIDERS[name].text(Number(event.target.value));
    event.target.setAttribute("aria-valuetext", field(name).value);
    soon();
  });
}
field("question").addEventListener("submit", (event) => (event.preventDefault(), ask()));
for (const button of document.querySelectorAll("[data-target]")) {
  button.addEventListener("click", () => {
    field("target").value = button.dataset.target;
    ask();
  });
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = field(button.dataset.copy);
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected"; // files may not write to the clipboard everywhere
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}
field("drawn").addEventListener("change", () => {
  state.chosen = field("drawn").value;
  showNetworks();
});
field("again").addEventListener("click", () => {
  state.seed += 1;
  showNetworks();
});

function open() {
  for (const [name, value] of Object.entries(asked())) field(name).value = value;
  for (const name of Object.keys(SLIDERS)) follow(name);
  ask();
}

addEventListener("popstate", open);
addEventListener("hashchange", open);
startWorker();
showLegend();
open();
