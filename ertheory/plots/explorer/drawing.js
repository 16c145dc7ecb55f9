// A network with the mask of each of its layers: at most so many neurons of a layer, and the entries between these.

const MOST_DRAWN = 9;

/** Numbers in [0, 1) that are the same for the same seed. */
function drawer(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draw layers of such sizes; between them an entry is kept with the density, by the seed. */
function drawNetwork(svg, sizes, density, seed) {
  const random = drawer(seed);
  const [step, gap] = [110, 26];
  const shown = sizes.map((size) => (size <= MOST_DRAWN ? size : MOST_DRAWN - 1));
  const most = Math.max(...sizes.map((size) => Math.min(size, MOST_DRAWN)));
  const height = most * gap + 46;
  svg.setAttribute("viewBox", `0 0 ${Math.max(420, (sizes.length - 1) * step + 120)} ${height}`);
  svg.replaceChildren();
  const left = (Math.max(420, (sizes.length - 1) * step + 120) - (sizes.length - 1) * step) / 2;
  const x = (layer) => left + layer * step;
  const y = (layer, index) => (height - 34 - Math.min(sizes[layer], MOST_DRAWN) * gap) / 2 + gap * (index + 0.6);
  const [lost, kept] = [[], []];
  for (let layer = 1; layer < sizes.length; layer++) {
    for (let to = 0; to < shown[layer]; to++) {
      for (let from = 0; from < shown[layer - 1]; from++) {
        const ends = { x1: x(layer - 1), y1: y(layer - 1, from), x2: x(layer), y2: y(layer, to) };
        if (random() < density) kept.push(drawn("line", { class: "kept", "stroke-width": 1.6, ...ends }));
        else lost.push(drawn("line", { class: "lost", "stroke-width": 0.8, "stroke-dasharray": "2 4", ...ends }));
      }
    }
  }
  svg.append(...lost, ...kept);
  sizes.forEach((size, layer) => {
    for (let index = 0; index < shown[layer]; index++) {
      svg.append(drawn("circle", { class: "neuron", cx: x(layer), cy: y(layer, index), r: 6.5 }));
    }
    if (size > MOST_DRAWN) svg.append(drawn("text", { x: x(layer), y: y(layer, shown[layer]), "text-anchor": "middle" }, "⋮"));
    svg.append(drawn("text", { x: x(layer), y: height - 8, "text-anchor": "middle" }, size.toLocaleString("en-GB")));
  });
  svg.setAttribute("aria-label", `Layers of ${sizes.join(", ")} neurons; ${kept.length} of ${kept.length + lost.length} drawn entries are kept.`);
  return { kept: kept.length, drawn: kept.length + lost.length, cut: sizes.some((size) => size > MOST_DRAWN) };
}
