const { summary, about, pictures, targets } = data;
const { settings, steps } = summary;
const names = Object.keys(summary.methods);
const isCascading = settings.order !== "independent";

/** Methods in colours, controls in grey with dashes. */
const colours = {};
names.filter((name) => !summary.methods[name].is_control).forEach((name, index) => { colours[name] = `var(--c${index % 7})`; });
names.filter((name) => summary.methods[name].is_control).forEach((name) => { colours[name] = "var(--random)"; });
const controlDashes = { noise: "2 3", "input x noise": "7 4", edges: "12 3 2 3" };

/** Three decimals: smaller similarities are none. */
const three = (value) => value.toFixed(3).replace(/^-(?=0\.000$)/, "").replace("-", "−");

const titleOf = (name) => [name, summary.methods[name].is_control ? element("span", { className: "aside" }, " (control)") : ""];

function estimated(estimate) {
  if (!estimate || estimate.mean === null) return element("td", {}, "–");
  const made = element("td", {}, three(estimate.mean));
  if (estimate.standard_error !== null) made.append(element("span", { className: "error" }, ` ± ${three(estimate.standard_error)}`));
  if (estimate.n < summary.pictures) made.append(element("span", { className: "aside" }, ` n = ${estimate.n}`));
  return made;
}

function fill(id, headings, rows) {
  control(id).tHead.replaceChildren(element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text))));
  control(id).tBodies[0].replaceChildren(...rows);
}

// Table

const COLUMNS = { spearman: "signed", "spearman-magnitude": "magnitude", ssim: "ssim", "ssim-magnitude": "ssim magnitude",
  hog: "hog", smprt: "smprt", "smprt-magnitude": "smprt magnitude" };

function showTable() {
  const of = (name) => (isCascading ? summary.methods[name].last : summary.methods[name].mean);
  const shown = Object.keys(COLUMNS).filter((measure) => names.some((name) => of(name)[measure]));
  const headings = ["Method", ...shown.map((measure) => COLUMNS[measure]), ...(isCascading ? ["mean of steps", "emprt"] : [])];
  const row = (name) => element("tr", { className: summary.methods[name].is_control ? "control" : "" },
    element("td", {}, ...titleOf(name)), ...shown.map((measure) => estimated(of(name)[measure])),
    ...(isCascading ? [estimated(summary.methods[name].mean.spearman), estimated(summary.methods[name].emprt)] : []));
  fill("table", headings, names.map(row));
  control("table-title").textContent = isCascading ? "What is left when every layer is random" : "Single random layers, mean of all";
  control("emprt-note").hidden = !isCascading;
}

// Lines over steps

const isNarrow = () => window.innerWidth <= 640;

/** Lines over the steps: each has a name, a colour, and an estimate or null for every step from 0 on. */
function plot(place, lines, [low, high]) {
  const [width, height] = isNarrow() ? [640, 460] : [1000, 340];
  const edge = { left: isNarrow() ? 62 : 44, right: 12, top: 12, bottom: isNarrow() ? 66 : 40 };
  const count = steps.length;
  const x = (step) => edge.left + (step / Math.max(count, 1)) * (width - edge.left - edge.right);
  const y = (value) => edge.top + ((high - value) / (high - low)) * (height - edge.top - edge.bottom);
  const svg = drawn("svg", { role: "img", viewBox: `0 0 ${width} ${height}` });
  for (const tick of ticks([low, high])) {
    const label = drawn("text", { x: edge.left - 8, y: y(tick) + 4, "text-anchor": "end" });
    label.textContent = String(Number(tick.toPrecision(3))).replace("-", "−");
    const style = Math.abs(tick) < 1e-9 ? "zero" : "grid";
    svg.append(drawn("line", { class: style, x1: edge.left, x2: width - edge.right, y1: y(tick), y2: y(tick) }), label);
  }
  const every = Math.max(1, Math.ceil(count / (isNarrow() ? 6 : 14)));
  for (let step = 0; step <= count; step += every) {
    const label = drawn("text", { x: x(step), y: height - edge.bottom + (isNarrow() ? 26 : 18), "text-anchor": "middle" });
    label.textContent = step === 0 ? "trained" : String(step);
    svg.append(label);
  }
  const axis = drawn("text", { x: (edge.left + width) / 2, y: height - 6, "text-anchor": "middle" });
  axis.textContent = isCascading ? "random steps" : "the step whose layer is random";
  svg.append(axis);
  for (const line of lines) {
    const group = drawn("g", { class: line.dash ? "control" : "", style: `--color: ${line.colour}` });
    const points = line.estimates.map((estimate, step) => ({ step, ...estimate })).filter(({ mean }) => mean !== null && mean !== undefined);
    const up = points.map(({ step, mean, standard_error: error }) => `${x(step).toFixed(1)},${y(mean + (error ?? 0)).toFixed(1)}`);
    const down = points.map(({ step, mean, standard_error: error }) => `${x(step).toFixed(1)},${y(mean - (error ?? 0)).toFixed(1)}`);
    if (!line.dash && points.length > 1) group.append(drawn("polygon", { class: "band", points: [...up, ...down.reverse()].join(" ") }));
    const attributes = { points: points.map(({ step, mean }) => `${x(step).toFixed(1)},${y(mean).toFixed(1)}`).join(" ") };
    if (line.dash) attributes.style = `stroke-dasharray: ${line.dash}`;
    group.append(drawn("polyline", attributes));
    for (const { step, mean } of points) {
      const dot = drawn("circle", { cx: x(step), cy: y(mean), r: count > 30 ? 2 : 3 }, drawn("title", {}));
      dot.firstChild.textContent = `${line.name}, ${step === 0 ? "trained" : `step ${step}, ${steps[step - 1].name}`}: ${three(mean)}`;
      group.append(dot);
    }
    svg.append(group);
  }
  control(place).replaceChildren(svg);
}

function legend(place, lines) {
  control(place).replaceChildren(...lines.map(({ name, colour, dash }) => {
    const made = element("span", {}, name);
    made.style.setProperty("--color", colour);
    if (dash) made.style.setProperty("--dash", "dashed");
    return made;
  }));
}

function lowest(lines) {
  const means = lines.flatMap(({ estimates }) => estimates.map((estimate) => estimate?.mean ?? 0));
  return Math.min(0, Math.floor(Math.min(...means) * 5) / 5);
}

function showSteps() {
  const measure = control("measure").value;
  const same = { mean: 1, standard_error: 0 };
  const lines = names.map((name) => ({ name: summary.methods[name].is_control ? `${name} (control)` : name, colour: colours[name],
    dash: summary.methods[name].is_control ? controlDashes[name] ?? "5 4" : null,
    estimates: [isCascading ? same : null, ...steps.map((step) => step.methods[name]?.[measure] ?? null)] }));
  legend("legend", lines);
  plot("steps", lines, [lowest(lines), 1]);
  control("about").textContent = about[measure] ?? "";
}

function showChannels() {
  const of = (key) => [null, ...steps.map((step) => step.channels?.[key] ?? null)];
  const lines = [
    { name: "contributions: rank correlation with those in the trained network", colour: "var(--c0)", estimates: of("rank") },
    { name: "contributions: rank correlation with the activation alone", colour: "var(--c1)", estimates: of("activation_rank") },
    { name: "share of the most active tenth that contributes most (0.1 by chance)", colour: "var(--c2)", estimates: of("active_tenth") },
  ];
  control("channels").hidden = !steps.some((step) => step.channels);
  legend("channel-legend", lines);
  plot("channel-steps", lines, [lowest(lines), 1]);
}

// Pictures

function showMaps() {
  const index = Number(control("picture").value || 0);
  const found = pictures[index];
  if (!found) return;
  const shown = [...new Set(Object.values(found.maps).flatMap((maps) => Object.keys(maps).map(Number)))].sort((a, b) => a - b);
  const image = (source, alt) => {
    if (!source) return "";
    const made = element("img", { src: source, alt, loading: "lazy" });
    made.addEventListener("load", () => made.classList.toggle("small", made.naturalWidth <= 64));
    return made;
  };
  const headings = ["", ...shown.map((step) => (step === 0 ? "trained" : `${step}: ${steps[step - 1].name}`))];
  const row = (name) => element("tr", {}, element("td", {}, ...titleOf(name)),
    ...shown.map((step) => element("td", {}, image(found.maps[name]?.[step], `${name}, step ${step}`))));
  const rows = names.filter((name) => found.maps[name]).map(row);
  const photo = element("tr", {}, element("td", {}, targets[index] ?? ""), element("td", { colSpan: Math.max(shown.length, 1) }, image(found.photo, found.input)));
  fill("maps", headings, [photo, ...rows]);
}

// Networks

function showNetworks() {
  const row = (step) => element("tr", {}, element("td", {}, String(step.step)), element("td", {}, step.name),
    estimated(step.probability), estimated(step.keeps_class), element("td", {}, String(step.classes)),
    element("td", {}, step.channels ? String(step.channels.count) : "–"), estimated(step.channels?.rank),
    estimated(step.channels?.activation_rank), estimated(step.channels?.active_tenth));
  fill("networks", ["Step", "Random layer", "probability", "keep the class", "top classes", "channels", "rank", "activation", "top tenth"],
    steps.filter((step) => step.pictures > 0).map(row));
}

// Start

const ORDERS = {
  "top-down": "Layers become random from the output down and stay so. Bands: ± one standard error.",
  "bottom-up": "Layers become random from the input up and stay so. Bands: ± one standard error.",
  independent: "In each step one layer is random and all others are trained. Bands: ± one standard error.",
};
const INITS = { permute: "weights shuffled", kaiming: "weights drawn anew (kaiming)", he: "weights drawn anew (He)",
  "keep-scale": "weights drawn anew, scale of activations kept" };

function start() {
  const count = `${summary.pictures} ${summary.pictures === 1 ? "picture" : "pictures"}`;
  control("facts").textContent = [count, settings.order, INITS[settings.initialisation], `${steps.length} steps`, `seed ${settings.seed}`,
    `onnxplain ${settings.version}`].join(" · ");
  control("notes").replaceChildren(...summary.warnings.map((text) => element("li", {}, text)));
  const measures = [...new Set(steps.flatMap((step) => Object.values(step.methods).flatMap(Object.keys)))];
  const order = Object.keys(about);
  const known = ["spearman", "spearman-magnitude"];
  const sorted = [...known.filter((name) => measures.includes(name)), ...measures.filter((name) => !known.includes(name) && order.includes(name))];
  control("measure").append(...sorted.map((name) => option(name)));
  control("measure").addEventListener("input", showSteps);
  control("order-note").textContent = ORDERS[settings.order];
  control("pictures").hidden = !pictures.length;
  control("picture").append(...pictures.map(({ input }, index) => option(String(index), input.split(/[\\/]/).pop())));
  control("picture").addEventListener("input", showMaps);
  for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", () => { showSteps(); showChannels(); });
  showTable();
  showSteps();
  showChannels();
  showMaps();
  showNetworks();
}

start();
