// Factored sources: every map of the target becomes two masked maps in a row.
//
// Bounds on the failure of one pair by four theorems (dual, primal and the mixed form of either), evaluated as the
// program does, with its margins for rounding; the least inner width by whichever asks for fewest; and the failure
// probability shared out among the maps. Equal densities, few expected edges.

const TINY = 2 ** -900;
const ROUNDING = 2 ** -53;

const raisedBound = (value, roundings, lost = 0) => value * (1 + 2 * roundings * ROUNDING) + TINY + 2 * lost;

/** Masses of Bin(n, p) where they are not negligible: { first, values, roundings }. */
function binomialMasses(trials, odds) {
  if (trials === 0 || !(odds > 1e-290 && odds < 1e290)) {
    return { first: odds > 1 ? trials : 0, values: Float64Array.of(1), roundings: 1 };
  }
  const [chance, miss] = [odds / (1 + odds), 1 / (1 + odds)];
  const mode = Math.min(trials, Math.floor((trials + 1) * chance));
  const reach = Math.floor(Math.sqrt(1500 * trials * chance * miss) + 600) + 8;
  const [low, high] = [Math.max(0, mode - reach), Math.min(trials, mode + reach)];
  if (high - low > 4_000_000) throw new TooHeavy("a binomial law is too long a sum");
  const values = new Float64Array(high - low + 1);
  values[mode - low] = 1;
  for (let x = mode; x > low; x--) values[x - 1 - low] = values[x - low] * (x / (odds * (trials - x + 1)));
  for (let x = mode + 1; x <= high; x++) values[x - low] = values[x - 1 - low] * ((odds * (trials - x + 1)) / x);
  let sum = 0;
  for (const value of values) sum += value;
  for (let i = 0; i < values.length; i++) values[i] /= sum;
  const steps = Math.max(mode - low, high - mode);
  return { first: low, values, roundings: 8 * steps + values.length + 1 };
}

const masses = (trials, p) => {
  if (p === 1) return { first: trials, values: Float64Array.of(1), roundings: 0 };
  if (p / (1 - p) < 1e-290) throw new TooHeavy("a density is too small");
  return binomialMasses(trials, p / (1 - p));
};

const ranges = new Map();

/** Ranges that cover 1..d: each term at both ends alone, those between gathered. */
function rangesOf(rows) {
  if (ranges.has(rows)) return ranges.get(rows);
  const first = [];
  const last = [];
  if (rows <= 512) {
    for (let size = 1; size <= rows; size++) first.push(size), last.push(size);
  } else {
    const ends = Array.from({ length: 256 }, (_, index) => index + 1);
    const half = Math.floor(rows / 2);
    while (ends.at(-1) < half) {
      ends.push(Math.min(half, ends.at(-1) + Math.max(1, Math.floor(ends.at(-1) / 48))));
    }
    const all = new Set([...ends, ...ends.map((end) => rows - end), rows].filter((end) => end >= 1));
    last.push(...[...all].sort((a, b) => a - b));
    first.push(1, ...last.slice(0, -1).map((end) => end + 1));
  }
  const half = Math.floor(rows / 2);
  const choices = first.map((from, index) => logChooseAbove(rows, between(half, from, last[index])));
  const found = { first: Float64Array.from(first), last: Float64Array.from(last), choices: Float64Array.from(choices) };
  ranges.set(rows, found);
  return found;
}

const factorials = new Float64Array(1 << 18); // 0 where it has not been asked for

function logFactorial(n) {
  if (n < 256) return FACTORIALS[n];
  if (n < factorials.length && factorials[n]) return factorials[n];
  const found = n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n);
  if (n < factorials.length) factorials[n] = found;
  return found;
}

const logChooseAbove = (n, k) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);
const between = (value, low, high) => Math.min(high, Math.max(low, value));
/** Hall's sum for d rows and k columns, from above. */
function structuralFailure(rows, columns, p) {
  const { first, last, choices } = rangesOf(rows);
  const miss = Math.log1p(-p) * (1 - 2 ** -49);
  const half = Math.floor(columns / 2);
  const margin = 2e-9 + 2 ** -46 * (rows + columns) * Math.log(rows + columns + 2);
  const all = logFactorial(columns);
  let total = 0;
  for (let index = 0; index < first.length; index++) {
    const from = first[index];
    const to = last[index];
    const missing = Math.min(from * (columns - from + 1), to * (columns - to + 1)) * miss;
    const chosen = half < from - 1 ? from - 1 : half > to - 1 ? to - 1 : half;
    const ofColumns = all - logFactorial(chosen) - logFactorial(columns - chosen);
    const exponent = choices[index] + ofColumns + missing + margin - 2 ** -49 * missing;
    if (exponent > -745) total += (to - from + 1) * Math.exp(exponent);
  }
  return total * (1 + 2 ** -40) + 1e-300;
}

const BLOCK = 32;
const structures = new Map();

/** h*_k for k = d, d + w, ..: the running least of Hall's sums, grown as far as it is asked for. */
function structuresOf(rows, p, stride) {
  const key = `${rows} ${p}`;
  if (structures.size > 2000) structures.clear();
  if (!structures.has(key)) structures.set(key, { values: new Map(), stride });
  return structures.get(key).values;
}

/** E[h*_K; K >= kappa] from above for every kappa of the window of the law of K. */
function meanFailures(rows, law, p) {
  const count = law.values.length;
  if (rows === 0) return new Float64Array(count);
  const failures = new Float64Array(count).fill(1);
  let [start, end] = [0, count - 1];
  while (law.values[start] <= 1e-40) start++;
  while (law.values[end] <= 1e-40) end--;
  const begin = Math.max(rows, law.first + start);
  const final = law.first + count - 1;
  if (begin <= final) {
    const stride = Math.max(1, Math.floor(1 / (100 * p)));
    const known = structuresOf(rows, p, stride);
    const firstBlock = Math.floor((begin - rows) / (stride * BLOCK));
    const lastBlock = Math.floor((Math.max(begin, law.first + end) - rows) / (stride * BLOCK));
    const least = [];
    let running = 1;
    for (let block = firstBlock; block <= lastBlock; block++) {
      if (least.length && lastOf(known, block - 1) < 1e-36) break;
      for (let index = block * BLOCK; index < (block + 1) * BLOCK; index++) {
        if (!known.has(index)) known.set(index, p === 1 ? 0 : structuralFailure(rows, rows + stride * index, p));
        running = Math.min(running, known.get(index));
        least.push(running);
      }
    }
    for (let k = begin; k <= final; k++) {
      const near = Math.floor((k - rows) / stride) - firstBlock * BLOCK;
      failures[k - law.first] = least[Math.min(near, least.length - 1)];
    }
  }
  const factor = raisedBound(1, law.roundings + count + 2) * (1 + 2 ** -50);
  const sums = new Float64Array(count);
  let sum = 0;
  for (let index = count - 1; index >= 0; index--) {
    sum += law.values[index] * failures[index];
    sums[index] = sum * factor + 2 ** -899;
  }
  return sums;
}

const lastOf = (known, block) => known.get((block + 1) * BLOCK - 1);

function dualFailure(inputs, outputs, neurons, [p1, p2]) {
  if ((p1 === 1 && p2 === 1) || neurons < outputs) return neurons < outputs ? 1 : 0;
  if (outputs === 1) return oneOutput(inputs, neurons, p1, p2);
  return Math.min(1, inputs * meanFailures(outputs, masses(neurons, p1), p2)[0]);
}

/** 1 - E[(1 - (1 - p_1)^U)^n], U ~ Bin(N, p_2). */
function oneOutput(inputs, neurons, p1, p2) {
  const law = masses(neurons, p2);
  const miss = p1 < 1 ? Math.log1p(-p1) : -1e6;
  let failure = 0;
  law.values.forEach((mass, index) => {
    const exponent = (law.first + index) * miss;
    const lost = -Math.expm1(inputs * Math.log1p(-Math.exp(exponent)));
    failure += mass * Math.min(1, lost * (1 + 2 ** -48 * (2 - exponent)));
  });
  return Math.min(1, raisedBound(failure, law.roundings + law.values.length + 8));
}

function mixedFailure(inputs, outputs, neurons, [p1, p2], budget) {
  if (neurons < outputs || inputs < 2 || p1 === 1) return 1;
  const law = masses(neurons, p1);
  const failures = meanFailures(outputs, law, p2).map((value) => value * inputs);
  const index = failures.findIndex((value) => value <= 0.5 * budget);
  if (index < 0) return 1;
  if (index === 0) return Math.min(1, failures[0] * (1 + 2 ** -52));
  const taken = law.roundings + index + 1;
  let [sum, weighted] = [0, 0];
  for (let i = 0; i < index; i++) {
    sum += law.values[i];
    weighted += law.values[i] * (law.first + i);
  }
  const small = raisedBound(sum, taken);
  if (small > 1 - 1e-12) return 1;
  const { tail, most } = setAside(inputs, small, 0.1 * budget);
  if (most >= inputs) return 1;
  let third = 0;
  if (most) {
    const mean = Math.max(0, weighted * (1 - 2 * (taken + 2) * ROUNDING) - TINY) / small;
    const density = Math.floor((mean / neurons) * 2 ** 40) / 2 ** 40;
    if (!density) return 1;
    const others = masses(neurons, p2 * (1 - p1));
    const mode = others.first + others.values.indexOf(others.values.reduce((a, b) => Math.max(a, b)));
    const typical = mode >= most ? structuralFailure(most, mode, density) : Infinity;
    if (inputs * outputs * typical > 4 * budget) return 1;
    third = (inputs * outputs * meanFailures(most, others, density)[0]) / (1 - small);
  }
  return Math.min(1, failures[index] * (1 + 2 ** -52) + tail + third);
}

/** The least f with P(Bin(n, phi) > f) within the budget, and that probability. */
function setAside(trials, chance, budget) {
  const law = masses(trials, chance);
  const above = new Float64Array(law.values.length + 1);
  for (let i = law.values.length - 1; i >= 0; i--) above[i] = above[i + 1] + law.values[i];
  const index = above.findIndex((value) => value <= budget);
  const tail = raisedBound(above[index], law.roundings + law.values.length);
  return { tail, most: index ? law.first + index - 1 : Math.max(0, law.first - 1) };
}

const THEOREMS = ["dual", "primal", "mixed-dual", "mixed-primal"];

function mapFailure(columns, rows, neurons, [p1, p2], theorem, budget) {
  const [n, m, pair] = theorem.endsWith("primal") ? [rows, columns, [p2, p1]] : [columns, rows, [p1, p2]];
  return theorem.startsWith("mixed") ? mixedFailure(n, m, neurons, pair, budget) : dualFailure(n, m, neurons, pair);
}

/** The least number of inner neurons of one map, by whichever theorem asks for fewest. */
function leastInner(columns, rows, pair, delta) {
  const both = pair[0] * pair[1];
  let best = null;
  for (const theorem of THEOREMS) {
    const bound = (neurons) => mapFailure(columns, rows, neurons, pair, theorem, delta);
    const holds = (neurons) => {
      if (neurons > 1e12) throw new TooHeavy("more than 10^12 inner neurons");
      const failure = bound(neurons);
      return decide(delta - failure, 1e-11 * delta);
    };
    let guess;
    if (best === null) {
      const paths = (Math.log(columns) + Math.log(rows) - Math.log(delta)) / both;
      const count = theorem.endsWith("primal") ? columns / pair[1] : rows / pair[0];
      guess = Math.min(1e12, Math.max(1, Math.ceil(paths), Math.ceil(count)));
    } else if (best.inner > 1 && plausible(columns, rows, pair, delta, theorem, best.inner - 1) && holds(best.inner - 1)) {
      guess = best.inner - 1;
    } else continue;
    if (guess > 200 && guess < 1e12) {
      guess = Math.min(1e12, nearZero((neurons) => Math.log(bound(Math.min(neurons, 1e12)) / delta), guess));
    }
    const inner = smallest(holds, Math.max(1, guess));
    best = { inner, theorem, failure: bound(inner) };
  }
  return best;
}

function plausible(columns, rows, [p1, p2], delta, theorem, neurons) {
  const paths = p1 * p2 < 1 ? neurons * Math.log1p(-p1 * p2) : -Infinity;
  if (Math.log(columns) + Math.log(rows) + paths > Math.log(delta) + 1) return false;
  if (theorem === "dual") return neurons * p1 >= rows;
  return theorem !== "primal" || neurons * p2 >= columns;
}

/** Inner widths of all maps together, at one density of every layer. */
function factoredDesign(widths, density, delta) {
  const depth = widths.length - 1;
  const p = toDouble(density);
  const designed = (shares) => shares.map((share, l) => leastInner(widths[l], widths[l + 1], [p, p], share));
  const total = (maps) => maps.reduce((sum, one, l) => sum + one.inner * (widths[l] + widths[l + 1]), 0);
  const whole = toDouble(delta);
  let maps = designed(Array(depth).fill(whole / depth));
  if (depth > 1) {
    const thinner = designed(Array(depth).fill(whole / (16 * depth)));
    const slopes = thinner.map((one, l) => Math.max(0, (one.inner - maps[l].inner) * (widths[l] + widths[l + 1])));
    const sum = slopes.reduce((a, b) => a + b);
    if (sum) {
      const parts = slopes.map((slope) => Number((BigInt(slope) * BigInt(10 ** 6 - depth)) / BigInt(sum)) + 1);
      const weighted = designed(parts.map((part) => (whole * part) / 10 ** 6));
      if (total(weighted) < total(maps)) maps = weighted;
    }
  }
  return maps;
}
