// Block constructions: the printed closed form, and the smallest integers by the exact law.
//
// A question is { widths: [n_0, .., n_L], densities: [p_0, .., p_L], delta }, densities and delta exact fractions.
// Layer 0 is read as "dense" or "matched", as the program does it where nobody says otherwise.

/** What all laws of one question share: logarithms of 1 - p_l, numbers of weights, log(1 - delta). */
function lawOf({ widths, densities, delta }, layer0) {
  const depth = widths.length - 1;
  return {
    layer0,
    depth,
    widths,
    densities,
    delta,
    weights: widths.slice(1).map((n, layer) => n * widths[layer]),
    miss: densities.map((p) => logOf(complement(p))), // -Infinity where p = 1
    goal: logOf(complement(delta)),
    known: new Map(),
  };
}

/** Smallest q >= 1 with links (1 - p)^q <= share, links and share exact fractions. */
function unionFactor(density, links, share) {
  const excess = times(links, [share[1], share[0]]);
  if (excess[0] <= excess[1] || density[0] === density[1]) return 1;
  const sparsity = complement(density);
  const real = logOf(excess) / -logOf(sparsity);
  if (!(real < WIDEST)) throw new TooHeavy("wider than 10^15 copies");
  const near = Math.round(real);
  if (near < 1 || Math.abs(real - near) > 1e-12 * real) return Math.max(1, Math.ceil(real));
  const holds = () => {
    if (near * bitsOf(sparsity[1]) > MOST_BITS) return null;
    const power = BigInt(near);
    return sparsity[0] ** power * excess[0] <= sparsity[1] ** power * excess[1];
  };
  return decide(near - real, 1e-12 * real, holds) ? near : near + 1;
}

/** The printed (layer 0 dense) or repaired (matched) integers: q_0..q_L and N_0. */
function closedForm(law) {
  const shares = BigInt(law.depth + (law.layer0 === "matched" ? 1 : 0));
  const share = times(law.delta, [1n, shares]);
  const factors = [1];
  for (let layer = law.depth - 1; layer >= 0; layer--) {
    const links = [BigInt(law.weights[layer]) * BigInt(factors[0]), 1n];
    factors.unshift(unionFactor(law.densities[layer + 1], links, share));
  }
  let first = factors[0] * law.widths[0];
  if (law.layer0 === "matched") {
    const logShare = logOf(share);
    const guess = hallGuess(law.widths[0], factors[0], law.miss[0], logShare);
    first = smallest(
      (neurons) => {
        const log = logHall(neurons, law.widths[0], factors[0], law.miss[0]);
        return decide(logShare - log, 1e-11 + massError(neurons));
      },
      guess,
      first,
    );
  }
  return { factors, first };
}

/** log of Chernoff's bound of each term of the Hall sum, s = 1..d, with the program's margin for rounding. */
function logChernoff(neurons, inputs, copies, miss) {
  const bounds = new Float64Array(inputs);
  let choices = 0;
  for (let size = 1; size <= inputs; size++) {
    choices += Math.log((inputs + 1 - size) / size);
    const logMiss = size * miss;
    const chance = -Math.expm1(logMiss);
    const share = Math.min((copies * size - 1) / neurons, chance);
    const gain = share > 0 ? share * Math.log(share / chance) : 0;
    const loss = share < 1 ? (1 - share) * (Math.log1p(-share) - logMiss) : 0;
    const margin = 1 + 1e-11 * (neurons * (Math.abs(gain) + Math.abs(loss)) + inputs * Math.log1p(inputs));
    bounds[size - 1] = choices - neurons * (gain + loss) + margin;
  }
  return bounds;
}

/** log of the Hall sum H(N): a masked layer 0 of N neurons cannot give each of d inputs q neurons of its own. */
function logHall(neurons, inputs, copies, miss) {
  if (neurons < copies * inputs) return 0;
  if (miss === -Infinity) return -Infinity;
  if (neurons > 1e11 || inputs > 10_000) throw new TooHeavy("the Hall sum is too long");
  const chernoff = logChernoff(neurons, inputs, copies, miss);
  const order = [...chernoff.keys()].sort((a, b) => chernoff[b] - chernoff[a]);
  let total = -Infinity;
  for (const index of order) {
    if (chernoff[index] < total - 40 - Math.log(inputs)) break;
    const size = index + 1;
    const tail = logLowerTail(neurons, copies * size - 1, log1mexp(size * miss), size * miss);
    total = logAdd(total, logChoose(inputs, size) + tail);
  }
  return total;
}

function hallGuess(inputs, copies, miss, logShare) {
  if (miss === -Infinity || copies * inputs > 1e11 || inputs > 10_000) return copies * inputs;
  const suffices = (neurons) => logChernoff(neurons, inputs, copies, miss).reduce(logAdd, -Infinity) <= logShare;
  let [low, high] = [copies * inputs - 1, copies * inputs];
  while (!suffices(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (suffices(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** log of the factor of layer l, with q_l = copies and q_{l+1} = above. */
function logLayer(law, layer, copies, above) {
  if (law.miss[layer + 1] === -Infinity) return 0;
  return law.weights[layer] * above * log1mexp(copies * law.miss[layer + 1]);
}

function logBlocks(law, factors) {
  return law.weights.reduce((sum, _, layer) => sum + logLayer(law, layer, factors[layer], factors[layer + 1]), 0);
}

/** log(1 - H), 0 where layer 0 is dense. */
function logMatching(law, copies, first) {
  if (law.layer0 !== "matched") return 0;
  const key = `${copies} ${first}`;
  if (!law.known.has(key)) law.known.set(key, log1mexp(logHall(first, law.widths[0], copies, law.miss[0])));
  return law.known.get(key);
}

/** How far rounding may move the logarithm of a success probability near 1 - delta, relative to that logarithm. */
const lawError = (law, first) => Math.abs(law.goal) * (1e-11 + massError(law.layer0 === "matched" ? first : 1));

/** Compare the product of (1 - (1 - p)^q)^links with 1 - delta in whole numbers; null where they are too long. */
function comparedExactly(terms, shares, delta) {
  let bits = 0;
  for (const { sparsity, copies, links } of terms) bits += copies * links * shares * bitsOf(sparsity[1]);
  if (bits > MOST_BITS / 20) return null;
  let [top, bottom] = [1n, 1n];
  for (const { sparsity, copies, links } of terms) {
    const below = sparsity[1] ** BigInt(copies);
    top *= (below - sparsity[0] ** BigInt(copies)) ** BigInt(links * shares);
    bottom *= below ** BigInt(links * shares);
  }
  const wanted = complement(delta);
  return top * wanted[1] >= bottom * wanted[0];
}

function lawTerms(law, factors) {
  return law.weights.map((weights, layer) => ({
    sparsity: complement(law.densities[layer + 1]),
    copies: factors[layer],
    links: weights * factors[layer + 1],
  }));
}

function lawHolds(law, factors, first) {
  const value = logBlocks(law, factors) + logMatching(law, factors[0], first) - law.goal;
  const exactly = () => (law.layer0 === "dense" ? comparedExactly(lawTerms(law, factors), 1, law.delta) : null);
  return decide(value, lawError(law, first), exactly);
}

const replaced = (factors, layer, copies) => factors.map((one, index) => (index === layer ? copies : one));

/** Smallest integers by the exact law: equal shares first, then every integer lowered as far as the law allows. */
function exactFactors(law) {
  const start = closedForm(law);
  const shares = law.depth + (law.layer0 === "matched" ? 1 : 0);
  let factors = start.factors;
  for (let layer = law.depth - 1; layer >= 0; layer--) {
    const above = factors[layer + 1];
    const holds = (copies) => {
      const term = { sparsity: complement(law.densities[layer + 1]), copies, links: law.weights[layer] * above };
      const value = shares * logLayer(law, layer, copies, above) - law.goal;
      return decide(value, lawError(law, 1), () => comparedExactly([term], shares, law.delta));
    };
    factors = replaced(factors, layer, smallest(holds, factors[layer]));
  }
  let first = start.first;
  for (let before = null; before !== `${factors} ${first}`; ) {
    before = `${factors} ${first}`;
    for (let layer = 0; layer < law.depth; layer++) {
      const at = factors;
      const dense = law.layer0 === "dense";
      const copies = smallest((q) => lawHolds(law, replaced(at, layer, q), dense ? 0 : first), factors[layer]);
      factors = replaced(factors, layer, copies);
    }
    if (law.layer0 === "matched") {
      const at = factors;
      first = smallest((neurons) => lawHolds(law, at, neurons), first, factors[0] * law.widths[0]);
    } else first = factors[0] * law.widths[0];
  }
  return { factors, first };
}
