// Dropped copies with one hidden layer: copies that lack an edge are left out, and a few more are kept.
//
// A copy is good with probability g = (1 - (1 - p_1)^{q_0})^d, and the law of a source is (with n hidden neurons and c
// outputs) P = E[(1 - (1 - p_2)^G)^c]^n for G ~ Bin(q_1, g), times 1 - H where layer 0 is matched.

/** log of the failure 1 - E[(1 - (1 - p)^G)^c], by inclusion and exclusion or, where that cancels, copy by copy. */
function logUnmet(copies, logGood, miss, readers) {
  const logBad = log1mexp(logGood);
  if (miss === -Infinity) return copies * logBad;
  let [total, size, coefficient] = [0, 0, 0];
  const lead = copies * logNone(logGood, logBad, miss, 1) + Math.log(readers);
  for (let order = 1; order <= readers; order++) {
    coefficient += Math.log((readers - order + 1) / order);
    const term = Math.exp(coefficient + copies * logNone(logGood, logBad, miss, order) - lead);
    total += order % 2 ? term : -term;
    size = Math.max(size, term);
    if (size > 1e3) break;
    if (term < 1e-17 * total) return Math.min(0, lead + Math.log(total));
    if (order === readers && size < 1e3 * total) return Math.min(0, lead + Math.log(total));
  }
  if (copies > 20_000) throw new TooHeavy("the law is too long a sum");
  let sum = -Infinity;
  for (let alive = 0; alive <= copies; alive++) {
    const loss = alive ? log1mexp(readers * log1mexp(alive * miss)) : 0;
    if (loss > -Infinity) sum = logAdd(sum, loss + logMass(copies, alive, logGood, logBad));
  }
  return Math.min(0, sum);
}

/** log(1 - g (1 - (1 - p)^i)): a copy is bad, or none of i readers reads it. */
function logNone(logGood, logBad, miss, order) {
  const hit = Math.exp(logGood) * -Math.expm1(order * miss);
  if (hit < 0.5) return Math.log1p(-hit);
  return Math.log(Math.exp(logBad) + Math.exp(logGood + order * miss));
}

const logGood = (law, copies) =>
  law.miss[1] === -Infinity ? 0 : law.widths[0] * log1mexp(copies * law.miss[1]);

function logDropped(law, factors) {
  const key = `drop ${factors}`;
  if (!law.known.has(key)) {
    const failure = logUnmet(factors[1], logGood(law, factors[0]), law.miss[2], law.widths[2]);
    law.known.set(key, law.widths[1] * log1mexp(failure));
  }
  return law.known.get(key);
}

/** Whether the law holds for { factors, first } with failure probability e^logDelta, that is, goal = log(1 - delta). */
function dropHolds(law, goal, { factors, first }, layer0 = law.layer0) {
  const matching = layer0 === "matched" ? logMatching(law, factors[0], first) : 0;
  const error = Math.abs(goal) * (1e-10 + massError(layer0 === "matched" ? first : factors[1]));
  return decide(logDropped(law, factors) + matching - goal, error);
}

/** Bounds on log(-log P) in doubles: Jensen's inequality above, partial sums and a single reader below. */
function dropEstimates(law, first, second) {
  const [readers, hidden] = [law.widths[2], law.widths[1]];
  const good = logGood(law, first);
  const bad = log1mexp(good);
  const none = (order) => second * logNone(good, bad, law.miss[2], order);
  const lead = none(1);
  const above = Math.log(hidden) + Math.log(readers) + logLoss(lead);
  let [sums, best, usable, coefficient] = [1, 1 / readers, true, 1];
  for (let order = 2; order <= Math.min(readers, 12) && usable; order++) {
    coefficient *= (readers - order + 1) / order;
    const term = coefficient * Math.exp(none(order) - lead);
    usable = term < 1000;
    if (!usable) break;
    sums += order % 2 ? term : -term;
    if (order % 2 === 0 || order === readers) best = Math.max(best, sums);
  }
  const below = Math.log(hidden) + logLoss(Math.min(lead + Math.log(readers) + Math.log(best), 0));
  return { above, below };
}

/** The q_0 and q_1 with the smallest total price q_0 + n q_1 that the law of a layer 0 alive allows. */
function bestPair(law, goal, start, price) {
  const hidden = law.widths[1];
  const logGoal = Math.log(-goal);
  const total = ([first, second]) => price * first + hidden * second;
  const holds = (first, second) => dropHolds(law, goal, { factors: [first, second, 1] }, "dense");
  const above = (first, second) => dropEstimates(law, first, second).above;
  let best = start;
  const high = Math.max(1, Math.floor(total(start) / price));
  if (high > 100_000) throw new TooHeavy("too many copies to look at");
  let left = Array.from({ length: high }, (_, index) => index + 1);
  for (let turn = 0; turn < 100; turn++) {
    const rows = [];
    for (const first of left) {
      const second = Math.ceil((total(best) - price * first) / hidden) - 1;
      if (second < 1) continue;
      const estimate = dropEstimates(law, first, second);
      const slack = logGoal - estimate.above;
      if (slack >= 0 || estimate.below <= logGoal + 1e-9 * Math.max(1, Math.abs(logGoal))) {
        rows.push({ first, second, slack });
      }
    }
    if (!rows.length) break;
    const winner = rows.reduce((a, b) => (b.slack > a.slack ? b : a));
    if (winner.slack >= 0 || holds(winner.first, winner.second)) {
      let [low, top] = [0, winner.second];
      while (top - low > 1) {
        const middle = Math.floor((low + top) / 2);
        if (above(winner.first, middle) <= logGoal) top = middle;
        else low = middle;
      }
      const found = smallest((second) => holds(winner.first, second), top);
      if (total([winner.first, found]) < total(best)) best = [winner.first, found];
    }
    left = rows.map((row) => row.first).filter((first) => first !== winner.first);
  }
  return best;
}

/** Smallest integers by the law of dropped copies, from those of `exact`. */
function dropFactors(law, whole) {
  if (law.depth === 1) return whole;
  if (law.depth > 2) throw new TooHeavy("deeper targets need a search for thresholds");
  const [inputs, hidden] = law.widths;
  const total = ({ factors, first }) => first + hidden * factors[1];
  let price = inputs;
  if (law.layer0 === "matched") price /= Math.max(1e-300, -Math.expm1(inputs * law.miss[0]));
  const searched = (share) => {
    const goal = logOf(complement(share));
    return [...bestPair(law, goal, whole.factors.slice(0, 2), price), 1];
  };
  const factors = searched(law.delta);
  const free = { factors, first: factors[0] * inputs };
  if (total(free) < total(whole) && dropHolds(law, law.goal, free)) return lowered(law, free);
  const candidates = [whole];
  for (const share of law.layer0 === "matched" ? [[999n, 1000n], [9n, 10n], [2n, 3n]] : []) {
    const paid = searched(times(share, law.delta));
    const rest = logOf(times(complement(share), law.delta));
    const guess = hallGuess(inputs, paid[0], law.miss[0], rest);
    const first = smallest((neurons) => dropHolds(law, law.goal, { factors: paid, first: neurons }), guess, guess);
    candidates.push({ factors: paid, first });
  }
  return lowered(law, candidates.reduce((a, b) => (total(b) < total(a) ? b : a)));
}

/** Lower N_0, q_0, q_1 in turn until the law forbids to lower any of them. */
function lowered(law, design) {
  let { factors, first } = design;
  const inputs = law.widths[0];
  for (let before = null; before !== `${factors} ${first}`; ) {
    before = `${factors} ${first}`;
    if (law.layer0 === "matched") {
      const at = factors;
      first = smallest((n) => dropHolds(law, law.goal, { factors: at, first: n }), first, at[0] * inputs);
    }
    for (const layer of [0, 1]) {
      const at = factors;
      const holds = (q) => dropHolds(law, law.goal, { factors: replaced(at, layer, q), first });
      factors = replaced(factors, layer, smallest(holds, factors[layer]));
    }
    if (law.layer0 === "dense") first = factors[0] * inputs;
  }
  return { factors, first };
}
