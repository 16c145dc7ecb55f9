// Curves against sparsity, as SVG: a colour, a dash and a marker for each statement, so that none of the three is needed.

const LOOKS = {
  printed: { dash: "7 4", marker: "square" },
  exact: { dash: "", marker: "circle" },
  drop: { dash: "9 3 2 3", marker: "diamond" },
  factored: { dash: "", marker: "triangle" },
  "theorem-2.3": { dash: "1 4", marker: "circle" },
  degree: { dash: "4 3", marker: "square" },
  "factored-paths": { dash: "2 3", marker: "triangle" },
  "factored-count": { dash: "6 3 1 3", marker: "diamond" },
};
const colourOf = (name) => `var(--${name.replace(".", "-")})`;
const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function marker(name, x, y, size = 4) {
  const open = kindOf(name) === "necessary";
  const look = { fill: open ? "var(--paper)" : colourOf(name), stroke: colourOf(name), "stroke-width": 1.6 };
  const points = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
    diamond: [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]],
    triangle: [[0, -1.4], [1.3, 1], [-1.3, 1]],
  }[LOOKS[name].marker];
  if (!points) return drawn("circle", { cx: x, cy: y, r: size, ...look });
  return drawn("polygon", { points: points.map(([a, b]) => `${x + a * size},${y + b * size}`).join(" "), ...look });
}

/** A short piece of a curve, for the legend and the table. */
function sample(name) {
  const line = { x1: 0, y1: 6, x2: 30, y2: 6, stroke: colourOf(name), "stroke-width": 2, "stroke-dasharray": LOOKS[name].dash };
  return drawn("svg", { viewBox: "0 0 30 12", "aria-hidden": "true" }, drawn("line", line), marker(name, 15, 6, 3.5));
}

const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM] = [480, 320, 52, 22, 10, 40];
const PLACES = [0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.997, 0.999];
const stretched = (sparsity) => Math.log(sparsity / (1 - sparsity));

/** Draw curves { name, points: [[sparsity, value or nothing]] }; `here` is { sparsity, values: {name: value} } as asked. */
function drawChart(svg, curves, here, title) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  const at = here && here.sparsity > 0.02 ? Math.min(here.sparsity, 0.99999) : null;
  const seen = curves.flatMap((curve) => curve.points.map((point) => point[1]));
  if (here) seen.push(...Object.values(here.values));
  const values = seen.filter((value) => value > 0);
  if (!values.length) return;
  const [from, to] = [stretched(Math.min(0.1, at ?? 0.1)), stretched(Math.max(0.999, at ?? 0.999))];
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (s) => LEFT + ((stretched(s) - from) / (to - from)) * (WIDE - LEFT - RIGHT);
  const y = (v) => HIGH - BOTTOM - ((Math.log10(v) - low) / (high - low)) * (HIGH - TOP - BOTTOM);
  const step = Math.ceil((high - low) / 8);
  for (let power = low; power <= high; power += step) {
    svg.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(10 ** power), y2: y(10 ** power) }));
    svg.append(drawn("text", { x: LEFT - 6, y: y(10 ** power) + 4, "text-anchor": "end" }, powerText(power)));
  }
  for (const place of PLACES) {
    svg.append(drawn("line", { class: "grid", x1: x(place), x2: x(place), y1: TOP, y2: HIGH - BOTTOM }));
    svg.append(drawn("text", { x: x(place), y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, String(place)));
  }
  svg.append(drawn("text", { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 6, "text-anchor": "middle" }, "sparsity"));
  if (at !== null) svg.append(drawn("line", { class: "here", x1: x(at), x2: x(at), y1: TOP, y2: HIGH - BOTTOM }));
  for (const { name, points } of curves) {
    const path = points.map(([s, v], index) => (v ? `${points[index - 1]?.[1] ? "L" : "M"}${x(s)},${y(v)}` : ""));
    const look = { class: "curve", stroke: colourOf(name), "stroke-dasharray": LOOKS[name].dash };
    svg.append(drawn("path", { d: path.join(""), ...look }, drawn("title", {}, name)));
    for (const [s, v] of points) if (v) svg.append(marker(name, x(s), y(v), 2.6));
  }
  for (const [name, value] of Object.entries(here && at !== null ? here.values : {})) svg.append(marker(name, x(at), y(value), 5.5));
  const told = Object.entries(here ? here.values : {}).map(([name, value]) => `${name} ${short(value)}`);
  svg.setAttribute("aria-label", `${title} against sparsity, on a logarithmic scale. Where it is asked: ${told.join(", ")}.`);
}

const powerText = (power) => (power >= 0 && power < 4 ? String(10 ** power) : `1e${power}`);

function short(value) {
  if (value === null) return "";
  if (value >= 1e7) return value.toExponential(3).replace("e+", "e");
  if (value >= 1000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(value < 10 ? 3 : 4)));
}
