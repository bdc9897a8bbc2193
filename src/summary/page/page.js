const { summary, values, inputs, about } = data;
const settings = summary.settings;
const methods = settings.methods;
const metricNames = Object.keys(summary.metrics);
/** Dots of more pictures than these would be one blot. */
const MOST_DOTS = 300;
const EXTREMES = 3;
const order = { metric: metricNames[0], isDescending: null };

const isHigher = (metric) => summary.metrics[metric].direction === "higher";
const arrow = (metric) => (isHigher(metric) ? "↑" : "↓");
const row = (metric, method) => summary.metrics[metric].methods[method];

function nameOf(method) {
  const notes = [];
  if (method.composite && !method.name.includes(method.composite)) notes.push(method.composite);
  if (method.is_control) notes.push("control");
  else if (method.reading === "magnitude") notes.push("magnitude");
  const note = notes.length ? element("span", { className: "aside" }, ` (${notes.join(", ")})`) : "";
  return [method.name, note];
}

/** That a method does not beat a control. */
function markOf({ name }) {
  return data.marks[name] ? element("span", { className: "mark" }, data.marks[name]) : "";
}

// Table

function compareBy(metric, isDescending) {
  return (a, b) => {
    const [x, y] = [a, b].map((method) => row(metric, method.name)?.mean ?? null);
    // What is undefined comes last, whatever the direction.
    if (x === null || y === null) return (x === null) - (y === null) || a.name.localeCompare(b.name);
    return (isDescending ? y - x : x - y) || a.name.localeCompare(b.name);
  };
}

function shownMetrics() {
  const category = control("category").value;
  const inCategory = metricNames.filter((name) => summary.metrics[name].category === category);
  return category === "" ? metricNames : inCategory;
}

function cell(metric, method) {
  const found = row(metric, method.name);
  if (!found || found.mean === null) {
    const reasons = Object.entries(found?.undefined ?? {}).map(([why, count]) => `${why} (${count})`);
    return element("td", { title: reasons.join("; ") }, "–");
  }
  const made = element("td", { className: found.best ? "best" : "" }, number(found.mean));
  if (found.standard_error !== null) {
    made.append(element("span", { className: "error" }, ` ± ${number(found.standard_error)}`));
  }
  if (found.indistinguishable) made.append(" *");
  if (found.n < summary.pictures) made.append(element("span", { className: "aside" }, ` n = ${found.n}`));
  return made;
}

function showTable() {
  const metrics = shownMetrics();
  if (!metrics.includes(order.metric)) Object.assign(order, { metric: metrics[0], isDescending: null });
  const isDescending = order.isDescending ?? isHigher(order.metric);
  const heading = (metric) => {
    const button = element("button", { type: "button", title: about[metric] ?? "" }, `${metric} ${arrow(metric)}`);
    const made = element("th", { scope: "col" }, button);
    made.dataset.key = metric;
    made.ariaSort = metric !== order.metric ? "none" : isDescending ? "descending" : "ascending";
    button.addEventListener("click", () => {
      const isAgain = order.metric === metric;
      Object.assign(order, { metric, isDescending: isAgain ? !isDescending : isHigher(metric) });
      showTable();
    });
    return made;
  };
  const sorted = [...methods].sort(compareBy(order.metric, isDescending));
  const line = (method) => element("tr", { className: method.is_control ? "control" : "" },
    element("td", { className: "name" }, ...nameOf(method), markOf(method)),
    ...metrics.map((metric) => cell(metric, method)));
  const headings = element("tr", {}, element("th", { scope: "col" }, "Method"), ...metrics.map(heading));
  control("table").tHead.replaceChildren(headings);
  control("table").tBodies[0].replaceChildren(...sorted.map(line));
}

// Dots with intervals, and differences to the best

function range(numbers) {
  const known = numbers.filter((value) => value !== null && value !== undefined);
  if (!known.length) return [0, 1];
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const margin = (high - low || Math.abs(high) || 1) * 0.04;
  return [low - margin, high + margin];
}

const place = ([low, high], value) => `${((100 * (value - low)) / (high - low)).toFixed(2)}%`;

function strip(scale, { guide, zero, dots = [], mean, ends, isControl, title }) {
  const svg = drawn("svg", { role: "img" }, drawn("title", {}, title));
  svg.firstChild.textContent = title;
  const upright = (className, value) => {
    const x = place(scale, value);
    svg.append(drawn("line", { class: className, x1: x, x2: x, y1: 0, y2: 28 }));
  };
  if (zero !== undefined) upright("zero", zero);
  if (guide !== undefined && guide !== null) upright("guide", guide);
  for (const dot of dots) {
    if (dot !== null) svg.append(drawn("circle", { class: "picture", cx: place(scale, dot), cy: 14, r: 3 }));
  }
  const style = isControl ? " control" : "";
  if (ends) {
    const [x1, x2] = ends.map((end) => place(scale, end));
    svg.append(drawn("line", { class: `interval${style}`, x1, x2, y1: 14, y2: 14 }));
  }
  if (mean !== null && mean !== undefined) {
    svg.append(drawn("circle", { class: `mean${style}`, cx: place(scale, mean), cy: 14, r: 5 }));
  }
  return svg;
}

function axis(scale) {
  const made = element("div", { className: "axis" });
  for (const tick of ticks(scale)) {
    const label = element("span", {}, String(Number(tick.toPrecision(3))).replace("-", "−"));
    label.style.left = place(scale, tick);
    made.append(label);
  }
  return made;
}

/** The interval, or where there are too few pictures for one, ± one standard error. */
function ends({ mean, interval, standard_error: error }) {
  if (interval) return interval;
  return error === null || error === undefined ? null : [mean - error, mean + error];
}

function differenceText(difference) {
  if (!difference) return "";
  const needed = difference.pictures_needed;
  const pictures = needed === null ? "" : `, ${needed.toLocaleString("en")} pictures needed`;
  return `p = ${difference.p < 0.001 ? "< 0.001" : difference.p.toFixed(3)}${pictures}`.replace("= <", "<");
}

function showDots() {
  const metric = control("metric").value;
  const rows = [...methods].sort(compareBy(metric, isHigher(metric))).map((method) => [method, row(metric, method.name)]);
  const defined = rows.filter(([, found]) => found && found.mean !== null);
  const areFew = inputs.length <= MOST_DOTS;
  const dots = (method) => (areFew ? values[metric][method.name] : []);
  const scale = range(defined.flatMap(([method, found]) => [...dots(method), found.mean, ...(ends(found) ?? [])]));
  const differences = defined.map(([, found]) => found.difference).filter(Boolean);
  const gap = range([0, ...differences.flatMap((found) => [found.mean, ...(ends(found) ?? [])])]);
  const best = defined.find(([, found]) => found.best)?.[0].name;
  const guide = methods.some(({ name, is_control: is }) => is && name === "random") ? row(metric, "random")?.mean : null;
  const line = (className, ...parts) => {
    const areas = ["name", "value", "own", "difference"];
    return element("div", { className }, ...parts.map((part, index) => element("div", { className: areas[index] }, ...part)));
  };
  const lines = [line("row heading", [""], [""], [`${metric} ${arrow(metric)}`], [best ? `difference to ${best}` : ""])];
  for (const [method, found] of defined) {
    const isControl = method.is_control;
    const own = { guide, dots: dots(method), mean: found.mean, ends: ends(found), isControl,
      title: `${method.name}: ${number(found.mean)} ± ${number(found.standard_error)}, n = ${found.n}` };
    const difference = found.difference;
    const other = difference && strip(gap, { zero: 0, mean: difference.mean, ends: ends(difference), isControl,
      title: `${method.name} minus ${difference.to}: ${number(difference.mean)}, ${differenceText(difference)}` });
    const note = element("span", { className: "aside" }, difference ? ` ${differenceText(difference)}` : "");
    lines.push(line("row", nameOf(method), [number(found.mean), note], [strip(scale, own)], [other ?? (found.best ? "best" : "")]));
  }
  lines.push(line("row", [""], [""], [axis(scale)], [axis(gap)]));
  control("dots").replaceChildren(...lines);
  control("about").textContent = about[metric] ?? "";
  const confidence = Math.round(100 * summary.confidence);
  control("dots-note").textContent = `Dot: mean. Line: ${confidence} % bootstrap interval from ten pictures on, else ± one standard error. `
    + (areFew ? "Faint dots: single pictures. " : "") + "Dashed: the control `random`.";
  showExtremes();
}

// Curves

function showCurves() {
  const metric = control("curve-metric").value;
  for (const figure of control("curve-grid").children) figure.hidden = figure.dataset.metric !== metric;
}

// Pictures

/** The folder that all inputs share: it need not be read again and again. */
const shared = inputs.reduce((common, name) => {
  let length = 0;
  while (length < common.length && common[length] === name[length]) length += 1;
  return common.slice(0, length);
}, inputs[0] ?? "").replace(/[^/\\]*$/, "");

function picture(input, method, chosen) {
  const source = method === null ? data.pictures[input].photo : data.pictures[input].maps[method.name];
  if (!source) return "";
  const image = element("img", { src: source, loading: "lazy", alt: method === null ? inputs[input] : method.name });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 64));
  const metric = control("metric").value;
  const caption = method === null ? "the picture" : `${method.name} ${number(values[metric][method.name][input])}`;
  return element("figure", { className: method && method.name === chosen ? "chosen" : "" }, image, element("figcaption", {}, caption));
}

function showExtremes() {
  if (control("pictures").hidden) return;
  const [metric, method] = [control("metric").value, control("method").value];
  control("picture-metric").value = `${metric} ${arrow(metric)}`;
  const own = values[metric][method];
  const sign = isHigher(metric) ? -1 : 1;
  const known = inputs.map((_, index) => index).filter((index) => own[index] !== null);
  known.sort((a, b) => sign * (own[a] - own[b]) || a - b);
  const count = Math.min(EXTREMES, Math.floor(known.length / 2));
  const shown = known.length < 2 ? known : [...known.slice(0, count), ...known.slice(-count)];
  const block = (input, place) => {
    const isGood = place < count || known.length < 2;
    const title = element("h3", {}, element("span", { className: isGood ? "good" : "bad" }, isGood ? "best " : "worst "),
      inputs[input].slice(shared.length), element("span", { className: "aside" }, ` ${data.targets[input] ?? ""}`));
    return element("div", { className: "extreme" }, title, picture(input, null),
      ...methods.map((other) => picture(input, other, method)));
  };
  control("extremes").replaceChildren(...shown.map(block));
  if (!shown.length) control("extremes").append(element("p", { className: "note" }, `${metric} is undefined for ${method}.`));
}

// Places

function showRanks() {
  const categories = Object.entries(summary.ranks);
  const scores = summary.weighted?.methods;
  const headings = [...categories.map(([name, { metric }]) => `${name}: ${metric} ${arrow(metric)}`),
    ...(scores ? ["weighted"] : [])];
  const own = methods.filter((method) => !method.is_control);
  const line = (method) => element("tr", {}, element("td", {}, ...nameOf(method), summary.pareto.includes(method.name) ? " •" : ""),
    ...categories.map(([, { places }]) => element("td", {}, String(places[method.name] ?? "–"))),
    ...(scores ? [element("td", {}, number(scores[method.name]?.mean))] : []));
  control("ranks").tHead.replaceChildren(element("tr", {}, ...["Method", ...headings].map((text) => element("th", {}, text))));
  control("ranks").tBodies[0].replaceChildren(...own.map(line));
  control("front").textContent = summary.pareto.length ? `• no other method is better in all of them: ${summary.pareto.join(", ")}.` : "";
}

// Start

function showFacts() {
  const { fill } = summary;
  const facts = [`${summary.pictures} ${summary.pictures === 1 ? "picture" : "pictures"}`, `fill ${fill.name}`];
  if (fill.r_oms !== null) facts.push(`R-OMS ${fill.r_oms.toFixed(2)}`);
  if (fill.leak !== null) facts.push(`leak ${fill.leak.toFixed(2).replace("-", "−")}`);
  facts.push(`seed ${settings.seed}`, `onnxplain ${settings.version}`);
  control("facts").textContent = facts.join(" · ");
  control("level").textContent = `${Number((100 * (1 - summary.confidence)).toPrecision(3))} %`;
  control("warnings").hidden = !summary.warnings.length;
  control("warnings").querySelector("ul").replaceChildren(...summary.warnings.map((text) => element("li", {}, text)));
}

function start() {
  const categories = [...new Set(metricNames.map((name) => summary.metrics[name].category))];
  control("category").append(option("", `all (${metricNames.length})`), ...categories.map((name) => option(name)));
  control("category").addEventListener("input", showTable);
  const isDefined = (name) => Object.values(summary.metrics[name].methods).some((found) => found.mean !== null);
  control("metric").append(...metricNames.filter(isDefined).map((name) => option(name, `${name} ${arrow(name)}`)));
  control("metric").addEventListener("input", showDots);
  const curves = [...new Set([...control("curve-grid").children].map((figure) => figure.dataset.metric))];
  control("curve-metric").append(...curves.map((name) => option(name)));
  control("curve-metric").addEventListener("input", showCurves);
  control("curves").hidden = !curves.length;
  control("pictures").hidden = !data.pictures.some((found) => found.photo || Object.keys(found.maps).length);
  const best = Object.entries(summary.metrics[metricNames[0]]?.methods ?? {}).find(([, found]) => found.best)?.[0];
  control("method").append(...methods.map(({ name }) => option(name)));
  if (best) control("method").value = best;
  control("method").addEventListener("input", showExtremes);
  for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());
  showFacts();
  showTable();
  showDots();
  showCurves();
  showRanks();
}

start();
