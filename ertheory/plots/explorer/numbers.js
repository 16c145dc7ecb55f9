// Numbers: exact rationals of BigInt, logarithms that keep their digits, binomial laws, and decisions.
//
// A width is an integer that a comparison decides. In doubles a comparison is sure if both sides differ by more than
// what rounding may have done; otherwise it is made with whole numbers where these are short enough, and where they are
// not, `doubt.raised` says so and the page shows it.

const doubt = { raised: false };

/** A calculation that is not for a page. */
class TooHeavy extends Error {}

/** A statement that says nothing of such a target. */
class Silent extends Error {}

const MOST_BITS = 2_000_000; // of whole numbers that are compared
const WIDEST = 1e15;

/** Read 0.9, 9/10, 9e-1 or .9 as an exact fraction [numerator, denominator], or give null. */
function rational(text) {
  const found = /^\s*\+?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?(?:\s*\/\s*(\d+))?\s*$/.exec(text);
  if (!found) return null;
  const [, whole, part = "", power = "0", below] = found;
  if (whole + part === "" || (below !== undefined && (part || found[3] || whole === ""))) return null;
  let top = BigInt(whole + part);
  let bottom = below === undefined ? 10n ** BigInt(part.length) : BigInt(below);
  if (bottom === 0n) return null;
  const exponent = Number(power);
  if (exponent >= 0) top *= 10n ** BigInt(exponent);
  else bottom *= 10n ** BigInt(-exponent);
  return reduced(top, bottom);
}

function reduced(top, bottom) {
  let [a, b] = [top, bottom];
  while (b) [a, b] = [b, a % b];
  return a ? [top / a, bottom / a] : [0n, 1n];
}

const complement = ([top, bottom]) => [bottom - top, bottom];
const times = ([a, b], [c, d]) => reduced(a * c, b * d);
const bitsOf = (whole) => whole.toString(16).length * 4;

/** The double next to a fraction, or nearly so. */
function toDouble([top, bottom]) {
  const cut = Math.max(bitsOf(top), bitsOf(bottom)) - 1000;
  if (cut <= 0) return Number(top) / Number(bottom);
  return Math.exp(logOf([top, bottom]));
}

function logWhole(whole) {
  const cut = Math.max(0, bitsOf(whole) - 1000);
  return Math.log(Number(whole >> BigInt(cut))) + cut * Math.LN2;
}

/** The logarithm of a fraction above 0, with all its digits next to 1 too. */
function logOf([top, bottom]) {
  const excess = Math.abs(Number(top - bottom)) / Number(bottom);
  if (excess < 0.5) return Math.log1p(Number(top - bottom) / Number(bottom));
  return logWhole(top) - logWhole(bottom);
}

/** log(1 - e^x) for x <= 0. */
function log1mexp(x) {
  if (x >= 0) return -Infinity;
  return x > -0.7 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

/** log(-log(1 - x)) from log x. */
const logLoss = (log) => (log < -37 ? log : Math.log(-Math.log1p(-Math.exp(log))));

const logAdd = (a, b) => {
  const top = Math.max(a, b);
  return top === -Infinity ? top : top + Math.log1p(Math.exp(Math.min(a, b) - top));
};

/**
 * Decide whether `value` is at least 0, where it is known up to `error`. `exactly` decides in whole numbers, or gives
 * null where they are too long.
 */
function decide(value, error, exactly = () => null) {
  if (Math.abs(value) > error) return value > 0;
  const settled = exactly();
  if (settled !== null) return settled;
  doubt.raised = true;
  return value >= 0;
}

/** The least integer from `least` on for which a monotone condition holds, looked for around a guess. */
function smallest(holds, guess, least = 1) {
  let high = Math.max(guess, least);
  let low = high;
  let step = 1;
  if (holds(high)) {
    let below = true;
    while (below && low > least) {
      high = low;
      low = Math.max(least, high - step);
      below = holds(low);
      step *= 2;
    }
    if (below) return low;
  } else {
    let found = false;
    while (!found) {
      low = high;
      high += step;
      if (high > WIDEST) throw new TooHeavy("wider than 10^15 neurons");
      found = holds(high);
      step *= 2;
    }
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Guess where a decreasing function of an integer passes 0, by a few secant steps. */
function nearZero(decreasing, start, least = 1) {
  let [left, right] = [start, Math.max(least, start + Math.max(1, Math.floor(start / 1000)))];
  let [atLeft, atRight] = [decreasing(left), decreasing(right)];
  for (let turn = 0; turn < 12; turn++) {
    const falls = left < right ? atLeft > atRight : atRight > atLeft;
    if (left === right || !Number.isFinite(atRight - atLeft) || !falls) break;
    const step = (atRight * (right - left)) / (atLeft - atRight);
    [left, atLeft] = [right, atRight];
    right = Math.max(least, Math.min(2 * right + 2, right + Math.ceil(step)));
    if (right === left || Math.abs(step) < 0.5) break;
    atRight = decreasing(right);
  }
  return right;
}

const FACTORIALS = [0];
for (let n = 1; n < 256; n++) FACTORIALS.push(n < 171 ? Math.log(factorial(n)) : FACTORIALS[n - 1] + Math.log(n));

function factorial(n) {
  let product = 1;
  for (let k = 2; k <= n; k++) product *= k;
  return product;
}

/** The remainder of Stirling's formula: log n! - log(sqrt(2 pi n) (n / e)^n). */
function stirling(n) {
  if (n < 16) return FACTORIALS[n] - 0.5 * Math.log(2 * Math.PI * n) - n * Math.log(n) + n;
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n;
}

/** x log(x / m) + m - x, without cancellation where x is near m. */
function deviance(x, m) {
  if (Math.abs(x - m) < 0.1 * (x + m)) {
    const v = (x - m) / (x + m);
    let sum = (x - m) * v;
    let term = 2 * x * v;
    for (let j = 1; j < 1000; j++) {
      term *= v * v;
      const next = sum + term / (2 * j + 1);
      if (next === sum) return next;
      sum = next;
    }
  }
  return x * Math.log(x / m) + m - x;
}

/** log P(Bin(n, p) = x), with p and 1 - p by their logarithms. */
function logMass(n, x, logHit, logMiss) {
  if (x === 0) return n * logMiss;
  if (x === n) return n * logHit;
  const spread = stirling(n) - stirling(x) - stirling(n - x);
  const away = deviance(x, n * Math.exp(logHit)) + deviance(n - x, n * Math.exp(logMiss));
  return spread - away + 0.5 * Math.log(n / (2 * Math.PI * x * (n - x)));
}

/** log C(n, k). */
const logChoose = (n, k) => n * Math.LN2 + logMass(n, k, -Math.LN2, -Math.LN2);

/** log P(Bin(n, p) <= most), with p and 1 - p by their logarithms. */
function logLowerTail(n, most, logHit, logMiss) {
  if (most < 0) return -Infinity;
  if (most >= n) return 0;
  if (n * Math.exp(logHit) < most) return Math.log1p(-Math.exp(runDown(n, n - most - 1, logMiss, logHit)));
  return runDown(n, most, logHit, logMiss);
}

function runDown(n, most, logHit, logMiss) {
  const odds = Math.exp(logMiss - logHit);
  let [term, total] = [1, 1];
  for (let count = most; count > 0; count--) {
    term *= (odds * count) / (n - count + 1);
    total += term;
    if (term < 1e-18 * total) break;
  }
  return Math.min(0, logMass(n, most, logHit, logMiss) + Math.log(total));
}

/** How far rounding may move the logarithm of a binomial mass of so many trials. */
const massError = (n) => 4e-16 * (100 + Math.sqrt(n) * Math.log(n + 2) + Math.log(n + 2) ** 2);
