"use strict";

const { overview, inputs } = JSON.parse(document.getElementById("data").textContent);
const { variants, similarity } = overview;
const control = (id) => document.getElementById(id);
/** So many pictures are drawn at a time. */
const AT_A_TIME = 40;
let shown = AT_A_TIME;

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const option = (value, text = value) => element("option", { value }, text);
const known = (value) => value !== null && value !== undefined;
const fixed = (value, digits = 2) => (known(value) ? value.toFixed(digits).replace("-", "−") : "–");
const percent = (value) => (known(value) ? `${(100 * value).toFixed(1)} %` : "–");
const unique = (values) => [...new Set(values)];
const regionNames = unique(overview.regions.map((row) => row.region));

function facts() {
  const models = unique(variants.map((variant) => variant.model)).length;
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const about = [count(overview.pictures, "picture"), count(models, "model")];
  if (variants.length > models) about.push(`${variants.length} variants`);
  if (overview.are_checkpoints) about.push("the models are states of one network, in order");
  about.push(`onnxplain ${overview.version}`);
  control("facts").textContent = about.join(" · ");
}

// Shares of regions

function shareTable() {
  control("regions").hidden = regionNames.length === 0;
  const rowOf = (region, variant) =>
    overview.regions.find((row) => row.region === region && row.variant === variant);
  const heading = regionNames.map((name) => element("th", { scope: "col" }, name));
  control("shares").tHead.append(element("tr", {}, element("th", { scope: "col" }, "variant"), ...heading));
  for (const { name } of variants) {
    const cells = regionNames.map((region) => {
      const { share, gain } = rowOf(region, name);
      if (!known(share.mean)) return element("td", { title: "in no picture" }, "–");
      const error = known(share.standard_error) ? ` ± ${(100 * share.standard_error).toFixed(1)}` : "";
      const made = element("td", {}, `${(100 * share.mean).toFixed(1)}${error} %`);
      made.append(element("span", { className: "aside" }, ` (${fixed(gain.mean)} ×${share.n < overview.pictures ? `, n ${share.n}` : ""})`));
      return made;
    });
    control("shares").tBodies[0].append(element("tr", {}, element("td", { className: "name" }, name), ...cells));
  }
}

// Likeness

function pairOf(a, b) {
  return similarity.find((pair) => (pair.a === a && pair.b === b) || (pair.a === b && pair.b === a));
}

function matrix() {
  control("likeness").hidden = variants.length < 2;
  const measure = control("measure").value;
  const heading = variants.map(({ name }) => element("th", { scope: "col", title: name }, name));
  control("matrix").tHead.replaceChildren(element("tr", {}, element("th", {}), ...heading));
  const rows = variants.map((a) => {
    const cells = variants.map((b) => {
      if (a === b) return element("td", {}, "·");
      const found = pairOf(a.name, b.name)[measure];
      const value = measure === "same_class" ? found : found.mean;
      const error = measure === "same_class" || !known(found.standard_error) ? "" : ` ± ${fixed(found.standard_error)}`;
      const made = element("td", { title: `${a.name} and ${b.name}` }, measure === "same_class" ? percent(value) : fixed(value));
      if (error) made.append(element("span", { className: "aside" }, error));
      if (known(value)) {
        const colour = value < 0 ? "--opposite" : "--alike";
        made.style.background = `color-mix(in srgb, var(${colour}) ${Math.round(45 * Math.abs(value))}%, Canvas)`;
      }
      return made;
    });
    return element("tr", {}, element("th", { scope: "row" }, a.name), ...cells);
  });
  control("matrix").tBodies[0].replaceChildren(...rows);
}

// Pictures

function orders() {
  const all = [option("given", "as given")];
  if (variants.length > 1) all.push(option("least", "least alike first"));
  for (const region of regionNames) {
    all.push(option(`region:${region}`, `least in ${region} first`));
  }
  similarity.forEach((pair, place) => {
    if (similarity.length > 1 && similarity.length <= 45) all.push(option(`pair:${place}`, `least alike: ${pair.a}, ${pair.b}`));
  });
  control("order").append(...all);
}

/** What pictures are ordered by, the smallest first; what has no value comes last. */
function key(input, order) {
  const mean = (values) => {
    const found = values.filter(known);
    return found.length ? found.reduce((a, b) => a + b, 0) / found.length : Infinity;
  };
  if (order === "least") return mean(input.pairs.map((pair) => pair?.[0]));
  if (order.startsWith("region:")) return mean(input.variants.map((it) => it?.regions[order.slice(7)]));
  if (order.startsWith("pair:")) return input.pairs[Number(order.slice(5))]?.[0] ?? Infinity;
  return 0;
}

const classOf = (text) => text.slice(0, text.lastIndexOf(","));
const differs = (input) => unique(input.variants.filter(known).map((it) => classOf(it.predicted))).length > 1;

function chosen() {
  const order = control("order").value;
  const wanted = control("filter").value.toLowerCase();
  const kept = inputs.filter((input) =>
    input.input.toLowerCase().includes(wanted) && (!control("differ").checked || differs(input)));
  return kept.map((input) => [key(input, order), input]).sort((a, b) => a[0] - b[0] || 0).map((pair) => pair[1]);
}

function image(address, alt) {
  const made = element("img", { src: address, alt, loading: "lazy" });
  made.addEventListener("load", () => made.classList.toggle("small", made.naturalWidth <= 64));
  return made;
}

function mapOf(input, place) {
  const variant = variants[place];
  const found = input.variants[place];
  const address = input.pictures.maps[variant.name];
  if (!found) return "";
  const caption = element("figcaption", {}, element("strong", {}, variant.name), element("span", {}, found.target));
  if (!found.is_predicted) caption.append(element("span", { className: "other" }, ` (says ${found.predicted})`));
  for (const [region, share] of Object.entries(found.regions)) {
    caption.append(element("br", {}), `${region}: ${percent(share)}`);
  }
  const picture = address ? [image(address, `relevance for ${found.target} by ${variant.name}`)] : [];
  return element("figure", {}, ...picture, caption);
}

function pictureOf(input) {
  const { photo, figure } = input.pictures;
  const name = input.input.split(/[/\\]/).pop();
  const title = figure ? element("a", { href: figure }, name) : name;
  const maps = variants.map((_, place) => mapOf(input, place));
  const first = photo ? [element("figure", {}, image(photo, name))] : [];
  const made = element("article", { className: "picture" }, element("h3", { title: input.input }, title),
    element("div", { className: "maps" }, ...first, ...maps));
  if (variants.length > 1) {
    const alike = key(input, "least");
    if (alike !== Infinity) made.firstChild.append(element("span", { className: "aside" }, ` mean cosine ${fixed(alike)}`));
  }
  return made;
}

function draw() {
  const all = chosen();
  control("rows").replaceChildren(...all.slice(0, shown).map(pictureOf));
  control("more").hidden = all.length <= shown;
  control("count").textContent = all.length === inputs.length ? "" : `${all.length} of ${inputs.length}`;
}

function variantTable() {
  const columns = ["name", "model", "method", "composite", "parameters", "preprocessing"];
  const isFilled = (value) => known(value) && Object.keys(value).length > 0;
  const shownColumns = columns.filter((column) => variants.some((variant) => isFilled(variant[column])));
  const heading = shownColumns.map((column) => element("th", { scope: "col" }, column));
  control("variants").tHead.append(element("tr", {}, ...heading));
  const text = (value) => (!isFilled(value) ? "–" : typeof value === "object" ? JSON.stringify(value) : value);
  for (const variant of variants) {
    const cells = shownColumns.map((column) =>
      element("td", { className: ["preprocessing", "parameters"].includes(column) ? "long" : "", title: column === "model" ? variant.path : "" },
        text(variant[column])));
    control("variants").tBodies[0].append(element("tr", {}, ...cells));
  }
}

facts();
shareTable();
matrix();
orders();
variantTable();
control("differ-label").hidden = !inputs.some(differs);
draw();
control("measure").addEventListener("input", matrix);
for (const id of ["order", "filter", "differ"]) {
  control(id).addEventListener("input", () => { shown = AT_A_TIME; draw(); });
}
control("more").addEventListener("click", () => { shown += AT_A_TIME; draw(); });
