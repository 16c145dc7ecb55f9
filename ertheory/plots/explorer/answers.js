// Every statement that the page computes, asked one question: rows like those of `ertheory width`.

const STATEMENTS = ["printed", "exact", "drop", "factored", "theorem-2.3", "degree", "factored-paths", "factored-count"];

/** Read the texts of a question; gives { error: {field, message} } where one of them is not what it must be. */
function readQuestion({ target, sparsity, delta }) {
  const refused = (field, message) => ({ error: { field, message } });
  const sizes = target.trim().split("-");
  const widths = sizes.map(Number);
  if (widths.length < 2 || !sizes.every((size) => /^\d{1,6}$/.test(size)) || Math.min(...widths) < 1) {
    return refused("target", "widths of dense layers such as 784-128-10, at least two, each from 1 to 999999");
  }
  if (widths.length > 12) return refused("target", "at most twelve widths here; the command takes more");
  const zeros = rational(sparsity);
  if (!zeros || zeros[0] >= zeros[1]) return refused("sparsity", "a number from 0 to below 1, such as 0.9 or 9/10");
  const failure = rational(delta);
  if (!failure || failure[0] <= 0n || failure[0] >= failure[1]) {
    return refused("delta", "a number above 0 and below 1, such as 0.001 or 1e-3");
  }
  if (toDouble(complement(zeros)) < 1e-9 || toDouble(failure) < 1e-200 || toDouble(complement(failure)) < 1e-9) {
    return refused("sparsity", "a density of at least 1e-9 and a delta from 1e-200 to 1 - 1e-9 here; the command takes more");
  }
  const density = complement(zeros);
  return { question: { widths, density, densities: widths.map(() => density), delta: failure } };
}

/** Ask one statement. A row has widths, or says why there are none (silent) or none here (heavy). */
function answer(name, question) {
  doubt.raised = false;
  const started = { method: name, kind: kindOf(name), layer0: "any", applies: true, widths: null };
  try {
    const row = { ...started, ...CALCULATIONS[name](question) };
    if (row.widths.some((width) => width > WIDEST)) throw new TooHeavy("wider than 10^15 neurons");
    return { ...row, ...countsOf(row, question), unsure: doubt.raised };
  } catch (error) {
    if (error instanceof Silent) return { ...started, applies: false, silent: error.message };
    if (error instanceof TooHeavy) return { ...started, heavy: error.message };
    throw error;
  }
}

const NECESSARY = ["theorem-2.3", "degree", "factored-paths", "factored-count"];
const kindOf = (name) => (NECESSARY.includes(name) ? "necessary" : name === "printed" ? "printed" : "sufficient");

const readingOf = ({ density }) => (density[0] === density[1] ? "dense" : "matched");

function blockRow(question, layer0, { factors, first }, success) {
  const { widths } = question;
  const log = success === null ? null : -Math.expm1(success);
  return {
    layer0,
    factors,
    widths: [first, ...widths.slice(1, -1).map((n, index) => n * factors[index + 1])],
    failure: log,
  };
}

const CALCULATIONS = {
  printed(question) {
    const law = lawOf(question, "dense");
    const found = closedForm(law);
    const applies = question.density[0] === question.density[1];
    return { ...blockRow(question, "dense", found, applies ? logBlocks(law, found.factors) : null), applies };
  },
  exact(question) {
    const law = lawOf(question, readingOf(question));
    const found = exactFactors(law);
    const success = logBlocks(law, found.factors) + logMatching(law, found.factors[0], found.first);
    return blockRow(question, law.layer0, found, success);
  },
  drop(question) {
    const law = lawOf(question, readingOf(question));
    if (law.depth > 2) throw new TooHeavy("deeper targets need a search for thresholds");
    const found = dropFactors(law, exactFactors(law));
    const kept = law.depth === 1 ? logBlocks(law, found.factors) : logDropped(law, found.factors);
    return blockRow(question, law.layer0, found, kept + logMatching(law, found.factors[0], found.first));
  },
  factored({ widths, density, delta }) {
    const maps = factoredDesign(widths, density, delta);
    return {
      layer0: "factored",
      widths: maps.flatMap((one, l) => (l === maps.length - 1 ? [one.inner] : [one.inner, widths[l + 1]])),
      theorems: maps.map((one) => one.theorem),
      failure: maps.reduce((sum, one) => sum + one.failure, 0),
    };
  },
  "theorem-2.3": (question) => ({ widths: [coverage(question), ...Array(question.widths.length - 2).fill(null)] }),
  degree(question) {
    degreeSpeaks(question.widths);
    const printed = closedForm(lawOf(question, "dense")).first;
    const dropped = CALCULATIONS.drop(question).widths;
    const spare = dropped.reduce((a, b) => a + b) - question.widths.slice(0, -1).reduce((a, b) => a + b);
    const reach = reachOf(question, Math.max(10 * printed, question.widths[0] + spare));
    return { widths: [null, degree(question, reach)], reach };
  },
  "factored-paths": (question) => innerRow(question, pathsInner),
  "factored-count": (question) => innerRow(question, countInner),
};

function innerRow({ widths, density, delta }, inner) {
  const [p, failure] = [toDouble(density), toDouble(delta)];
  const found = widths.slice(1).map((rows, l) => inner(widths[l], rows, p, failure));
  return { widths: found.flatMap((one, l) => (l === found.length - 1 ? [one] : [one, widths[l + 1]])) };
}

/** Hidden neurons and expected edges; null where a width is open. */
function countsOf({ widths, method }, question) {
  const sizes = question.widths;
  if (widths.includes(null)) return { hidden: null, edges: null, ratio: null };
  const p = toDouble(question.density);
  const deep = method.startsWith("factored");
  const layers = deep ? [sizes[0], ...widths, sizes.at(-1)] : [sizes[0], ...widths, sizes.at(-1)];
  let edges = 0;
  for (let l = 1; l < layers.length; l++) edges += p * layers[l] * layers[l - 1];
  const weights = sizes.slice(1).reduce((sum, n, l) => sum + n * sizes[l], 0);
  return { hidden: widths.reduce((a, b) => a + b, 0), edges, ratio: edges / weights };
}
