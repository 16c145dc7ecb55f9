// What every source needs: inputs that are read (Theorem 2.3), neighbours of outputs (degree), paths and unknowns of
// factored sources. A width is the least one that the bound on the success probability does not rule out.

const oneDensity = (density) => [toDouble(density), logOf(complement(density))];

/** Theorem 2.3 by its counting: the smallest N_0 with (1 - (1 - p_0)^{N_0})^d >= 1 - delta. */
function coverage({ widths, densities, delta }) {
  const [inputs] = widths;
  const miss = logOf(complement(densities[0]));
  if (miss === -Infinity) return 1;
  const goal = logOf(complement(delta));
  const guess = Math.ceil(log1mexp(goal / inputs) / miss);
  const holds = (neurons) => {
    const term = { sparsity: complement(densities[0]), copies: neurons, links: inputs };
    const value = inputs * log1mexp(neurons * miss) - goal;
    return decide(value, 1e-11 * Math.abs(goal), () => comparedExactly([term], 1, delta));
  };
  return smallest(holds, guess);
}

function degreeSpeaks([inputs, hidden, outputs, ...more]) {
  if (outputs === undefined || more.length) throw new Silent("speaks of targets with one hidden layer");
  if (hidden > inputs) throw new Silent("needs at most as many hidden neurons as inputs");
}

/**
 * E = P(sum of (a_u - d + n)^+ over the rows u of layer 0 >= n), a_u ~ Bin(d, p_0): rows so dense that they evade it.
 * The coefficients below n of the N_0-th power of a polynomial, over its power at 0; all are above 0.
 */
function evasion([inputs, hidden], density, neurons) {
  const [p, miss] = oneDensity(density);
  if (miss === -Infinity) return { value: 1, error: 0 };
  const union = Math.log(neurons) + logLowerTail(inputs, hidden - 1, miss, Math.log(p));
  if (union < -60) return { value: Math.exp(union), error: 0 };
  if (hidden > 1000) throw new TooHeavy("dense rows of layer 0 have to be counted");
  const terms = Array.from({ length: hidden }, (_, missing) => Math.exp(logMass(inputs, missing, miss, Math.log(p))));
  const all = terms.reduce((a, b) => a + b);
  const factored = neurons * all < 600; // out of the power, so that small numbers keep their digits
  const single = factored ? 1 - all : 1;
  let square = Float64Array.from(terms, (_, power) => (power ? terms[hidden - power] / single : (1 - all) / single));
  let result = Float64Array.from(terms, (_, power) => (power ? 0 : 1));
  for (let left = neurons; left; left = Math.floor(left / 2)) {
    if (left % 2) result = multiplied(result, square);
    if (left > 1) square = multiplied(square, square);
  }
  const others = result.subarray(1).reduce((a, b) => a + b, 0);
  const few = factored ? neurons * Math.log1p(-all) + Math.log1p(others) : Math.log(result[0] + others);
  const value = Math.min(1, Math.exp(union), Math.max(0, -Math.expm1(few)));
  return { value, error: 1e-14 * (10 + neurons * all) };
}

function multiplied(a, b) {
  const product = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) {
    if (a[i]) for (let j = 0; i + j < a.length; j++) product[i + j] += a[i] * b[j];
  }
  return product;
}

/** The N_0 up to which the degree bound is stated: dense rows take a hundredth of delta at most, where they can. */
function reachOf(question, most) {
  const share = toDouble(question.delta) / 100;
  const evades = (neurons) => {
    const { value, error } = evasion(question.widths, question.densities[0], neurons);
    return decide(value - share, error);
  };
  const hidden = question.widths[1];
  if (!evades(most) || evades(hidden)) return most;
  return smallest(evades, Math.min(most, 2 * hidden), hidden) - 1;
}

/** The degree bound for targets d-n-o: the smallest N_1, for a layer 0 of up to `reach` neurons. */
function degree({ widths, densities, delta }, reach) {
  const [, hidden, outputs] = widths;
  const dense = evasion(widths, densities[0], reach);
  const miss = logOf(complement(densities[2]));
  const hit = Math.log(toDouble(densities[2]));
  const allowed = toDouble(delta) + dense.value;
  if (allowed >= 1) throw new Silent("too likely to have rows with many entries");
  if (miss === -Infinity) return hidden;
  const goal = Math.log1p(-allowed);
  const holds = (neurons) => {
    const value = outputs * log1mexp(logLowerTail(neurons, hidden - 1, hit, miss)) - goal;
    return decide(value, Math.abs(goal) * (1e-11 + massError(neurons)) + dense.error / (1 - allowed));
  };
  return smallest(holds, Math.max(hidden, Math.floor(hidden / Math.exp(hit))), hidden);
}

/** Inner width of one map that every input needs to reach every output. */
function pathsInner(columns, rows, p, delta) {
  if (p === 1) return 1;
  const none = Math.log1p(-p * p);
  const alike = Math.log1p(-2 * p * p + p ** 3) - none; // two pairs of one input, or of one output
  const holds = (neurons) => {
    const lacking = neurons * none;
    const others = (rows - 1 + (columns - 1)) * Math.exp(neurons * alike);
    const spread = 1 + others + (columns - 1) * (rows - 1) * Math.exp(lacking);
    const failure = Math.exp(Math.log(columns) + Math.log(rows) + lacking) / spread;
    return decide(delta - failure, 1e-11 * delta);
  };
  return smallest(holds, Math.max(1, Math.ceil(Math.log((columns * rows) / delta) / (p * p))));
}

/** Inner width of one map in general position: as many useful unknowns as weights, and its rank. */
function countInner(columns, rows, p, delta) {
  const wanted = columns * rows;
  const miss = p < 1 ? Math.log1p(-p) : -Infinity;
  const logUsed = log1mexp(columns * miss) + log1mexp(rows * miss);
  const logIdle = log1mexp(logUsed);
  const reads = -Math.expm1(columns * Math.log1p(-Math.min(p, 1 - 1e-16)));
  const read = -Math.expm1(rows * Math.log1p(-Math.min(p, 1 - 1e-16)));
  const mean = columns * p * read + rows * p * reads - reads * read;
  let square = read * (columns * p * (1 - p) + (columns * p) ** 2) + reads * (rows * p * (1 - p) + (rows * p) ** 2);
  square += 2 * columns * p * rows * p + reads * read - 2 * (columns * p * read + rows * p * reads);
  const variance = Math.max(square - mean ** 2, 1e-9);

  const joined = (size, tilt) => {
    const all = size * Math.log1p(p * Math.expm1(tilt));
    return all + log1mexp(size * miss - all);
  };
  const logCount = (neurons) => {
    if (neurons * (columns + rows - 1) < wanted) return -Infinity;
    if (neurons * mean >= wanted) return 0;
    const tilt = Math.min(50, (wanted / neurons - mean) / Math.max(variance, 1e-9));
    const both = joined(columns, tilt) + joined(rows, tilt) - tilt;
    const used = Math.exp(logUsed);
    const factor = both > 30 ? both + Math.log1p((1 - used) * Math.exp(-both)) : Math.log1p(Math.exp(both) - used);
    return neurons * factor - tilt * wanted;
  };
  const least = Math.min(columns, rows);
  const allowed = (neurons) => {
    const count = logCount(neurons);
    if (!decide(Math.exp(count) - 1 + delta, 1e-9 * (1 - delta))) return false;
    if (neurons < least) return false;
    const failure = logUsed === 0 ? -Infinity : logLowerTail(neurons, least - 1, logUsed, logIdle);
    return decide(Math.log(delta) - failure, 1e-11 + massError(neurons));
  };
  const guess = Math.ceil((columns * rows) / Math.max(1e-300, mean));
  return smallest(allowed, Math.max(1, guess));
}
