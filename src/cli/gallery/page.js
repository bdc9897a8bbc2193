"use strict";

// Cards enter the page as they are scrolled to: thousands of pictures at once would freeze it.
const CARDS_AT_ONCE = 60;
const FAILED = "failed";
// A table of more classes than this cannot be read.
const CLASSES_IN_TABLE = 40;

const data = JSON.parse(document.getElementById("data").textContent);
const inputs = data.inputs;
const control = (id) => document.getElementById(id);
const results = control("results");
const large = control("large");
const byText = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
let shown = [];
let confusion = null;
const open = { card: 0, result: 0 };

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;
const predicted = (input) => (input.error === null ? input.prediction[0] : undefined);
const titleOf = (result) => (result.against ? `${result.target} against ${result.against}` : result.target);

function outcome(input) {
  if (input.error !== null) return FAILED;
  return input.truth === null ? "" : input.isRight ? "right" : "wrong";
}

// Filters and order.

function isWanted(input) {
  const part = control("file").value.trim().toLowerCase();
  const [wanted, asked] = [control("class").value, control("outcome").value];
  const [lowest, highest] = ["lowest", "highest"].map((id) => control(id).value);
  if (!input.file.toLowerCase().includes(part)) return false;
  if (asked && outcome(input) !== asked) return false;
  const top = predicted(input);
  // A failure has neither class nor confidence, so no bound lets it through.
  if (!top) return !wanted && lowest === "" && highest === "" && !confusion;
  if (wanted && top.name !== wanted.slice(1)) return false;
  if (confusion && (input.truth !== confusion[0] || top.name !== confusion[1])) return false;
  if (lowest !== "" && !(top.probability * 100 >= Number(lowest))) return false;
  return highest === "" || top.probability * 100 <= Number(highest);
}

const ORDERS = {
  file: (a, b) => byText.compare(a.file, b.file),
  class: (a, b) => byText.compare(predicted(a).name, predicted(b).name),
  falling: (a, b) => predicted(b).probability - predicted(a).probability,
  rising: (a, b) => predicted(a).probability - predicted(b).probability,
};

function sorted(list) {
  const key = control("order").value;
  if (!key) return list;
  // Failures come last.
  const compare = (a, b) =>
    key === "file" || (predicted(a) && predicted(b)) ? ORDERS[key](a, b) : !predicted(a) - !predicted(b);
  return [...list].sort(compare);
}

function show() {
  shown = sorted(inputs.filter(isWanted));
  results.replaceChildren();
  showMore();
  control("count").value = `${shown.length} of ${inputs.length}`;
}

function showMore() {
  const begin = results.childElementCount;
  results.append(...shown.slice(begin, begin + CARDS_AT_ONCE).map((input, index) => card(input, begin + index)));
}

// Cards.

function picture(thumbnail, alt) {
  const { source, width, height } = thumbnail;
  const className = Math.max(width, height) < 100 ? "small" : "";
  return element("img", { loading: "lazy", className, width, height, src: source, alt });
}

function verdict(input) {
  if (input.truth === null || input.error !== null) return [];
  const text = input.isRight ? "✓ right" : `✗ wrong: is ${input.truth}`;
  return [element("div", { className: input.isRight ? "good" : "bad" }, text)];
}

function card(input, position) {
  const text = element("div", { className: "text" });
  const made = element("li", { className: "card" });
  if (input.error !== null) {
    text.append(element("strong", {}, input.file), element("div", { className: "error" }, input.error));
    made.append(text);
    return made;
  }
  let chosen = 0;
  const button = element("button", { type: "button", className: "open" });
  const top = predicted(input);
  const fill = () => {
    const result = input.results[chosen];
    const map = result.overlay ?? result.heatmap;
    button.ariaLabel = `Open ${input.file}: ${top.name}, ${percent(top.probability)}`;
    button.replaceChildren();
    if (input.photo) button.append(picture(input.photo, `photo ${input.file}`));
    if (map) button.append(picture(map, `relevance for ${titleOf(result)}`));
  };
  button.addEventListener("click", () => openLarge(position, chosen));
  fill();
  text.append(element("div", {}, element("strong", {}, top.name), ` ${percent(top.probability)}`), ...verdict(input),
    element("div", { className: "aside" }, input.file));
  if (input.results.length > 1 || titleOf(input.results[0]) !== top.name) {
    const chips = element("div", { className: "chips", role: "group", ariaLabel: "explained" });
    text.append(chips);
    fillChoices(chips, input, () => chosen, (index) => { chosen = index; fill(); });
  }
  made.append(button, text);
  return made;
}

/** A button for each result of an input. */
function fillChoices(group, input, chosen, choose) {
  const buttons = input.results.map((result, index) => {
    const text = [titleOf(result), result.way].filter(Boolean).join(", ");
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => { choose(index); mark(); });
    return button;
  });
  const mark = () => buttons.forEach((button, index) => { button.ariaPressed = String(index === chosen()); });
  group.replaceChildren(...buttons);
  mark();
}

// The large view.

function openLarge(card, result) {
  Object.assign(open, { card, result });
  fillLarge();
  if (!large.open) large.showModal();
}

function fillLarge() {
  const input = shown[open.card];
  const result = input.results[open.result];
  const top = predicted(input);
  const map = result.overlay ?? result.heatmap;
  const file = result.overlayFile ?? result.heatmapFile;
  control("large-title").textContent = `${input.file}: ${top.name}, ${percent(top.probability)}`;
  fillImage(control("large-photo"), input.photo, input.photoFile, `photo ${input.file}`);
  fillImage(control("large-overlay"), map, file, `relevance for ${titleOf(result)}`);
  control("wipe-label").hidden = !(input.photo && result.overlay);
  wipe();
  fillChoices(control("choices"), input, () => open.result, (index) => { open.result = index; fillLarge(); });
  const about = [`explained: ${titleOf(result)}, ${result.explained} ${result.logit.toFixed(3)}`];
  about.push(`predicted: ${input.prediction.map((it) => `${it.name} ${percent(it.probability)}`).join(", ")}`);
  if (input.truth !== null) about.push(`true class: ${input.truth} (${input.isRight ? "right" : "wrong"})`);
  if (result.isTurned) about.push("blue speaks for the class here, red against it: the logit is negative");
  control("large-text").textContent = about.join(" · ");
  const links = [["overlay", result.overlayFile], ["heatmap", result.heatmapFile], ["figure", result.figureFile],
    ["report", result.report]].filter(([, address]) => address);
  control("large-links").replaceChildren(...links.flatMap(([text, href]) =>
    [element("a", { href, target: "_blank" }, text), " "]));
}

/** Shows a file; where it is gone, its small picture. */
function fillImage(image, thumbnail, address, alt) {
  image.hidden = !thumbnail;
  image.alt = alt;
  if (!thumbnail) return;
  image.className = Math.max(thumbnail.width, thumbnail.height) < 100 ? "small" : "";
  image.onerror = () => { image.onerror = null; image.src = thumbnail.source; };
  image.src = address ?? thumbnail.source;
}

function wipe() {
  const overlay = control("large-overlay");
  const share = control("wipe-label").hidden ? 100 : Number(control("wipe").value);
  overlay.style.clipPath = `inset(0 0 0 ${100 - share}%)`;
}

/** Moves to another picture that has results, or to another result. */
function move(cards, steps) {
  if (cards) {
    let next = open.card + cards;
    while (shown[next] && shown[next].error !== null) next += cards;
    if (!shown[next]) return;
    while (results.childElementCount <= next) showMore();
    Object.assign(open, { card: next, result: Math.min(open.result, shown[next].results.length - 1) });
  } else {
    const next = open.result + steps;
    if (!shown[open.card].results[next]) return;
    open.result = next;
  }
  fillLarge();
}

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

large.addEventListener("keydown", (event) => {
  const step = KEYS[event.key];
  if (!step || event.target === control("wipe")) return;
  event.preventDefault();
  move(...step);
});
large.addEventListener("close", () => {
  results.children[open.card]?.querySelector(".open")?.focus();
});
control("wipe").addEventListener("input", wipe);
control("previous").addEventListener("click", () => move(-1, 0));
control("next").addEventListener("click", () => move(1, 0));

// Between cards, arrows move the focus.
results.addEventListener("keydown", (event) => {
  const from = event.target.closest(".open")?.parentElement;
  if (!from || !KEYS[event.key]) return;
  event.preventDefault();
  const cards = [...results.children];
  const columns = Math.max(1, cards.findIndex((it) => it.offsetTop > cards[0].offsetTop));
  const [across, down] = KEYS[event.key];
  const to = cards[cards.indexOf(from) + across + down * columns];
  to?.querySelector(".open")?.focus();
});

// The header.

function fillHeader() {
  const failed = inputs.filter((input) => input.error !== null).length;
  const known = inputs.filter((input) => input.truth !== null && input.error === null);
  const right = known.filter((input) => input.isRight).length;
  const when = new Date(data.time * 1000).toLocaleString();
  const parts = [...data.settings, when, `${inputs.length} inputs, ${failed} failed`];
  if (known.length) parts.push(`${right} of ${known.length} right (${percent(right / known.length)})`);
  control("settings").textContent = parts.join(" · ");
  control("scale").hidden = !data.colors;
  if (data.colors) {
    control("colors").style.background = `linear-gradient(to right, ${data.colors.stops.join(",")})`;
    control("low").textContent = data.colors.low;
    control("high").textContent = data.colors.high;
  }
  for (const option of control("outcome").options) {
    option.hidden = !known.length && (option.value === "right" || option.value === "wrong");
  }
}

function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function listClasses() {
  const counts = counted(inputs.map(predicted).filter(Boolean).map((top) => top.name));
  const option = (value, text) => element("option", { value }, text);
  const names = [...counts].sort(([a], [b]) => byText.compare(a, b));
  // The sign keeps a class without a name apart from every class.
  control("class").append(option("", `every class (${inputs.length})`),
    ...names.map(([name, count]) => option("=" + name, `${name} (${count})`)));
}

function fillConfusions() {
  const known = inputs.filter((input) => input.truth !== null && predicted(input));
  control("confusions").hidden = !known.length;
  if (!known.length) return;
  const common = (values) => [...counted(values)].sort((a, b) => b[1] - a[1]).slice(0, CLASSES_IN_TABLE)
    .map(([name]) => name).sort(byText.compare);
  const truths = common(known.map((input) => input.truth));
  const names = common(known.map((input) => predicted(input).name));
  const key = (truth, name) => JSON.stringify([truth, name]);
  const counts = counted(known.map((input) => key(input.truth, predicted(input).name)));
  const rights = new Set(known.filter((input) => input.isRight).map((input) => key(input.truth, predicted(input).name)));
  const head = element("tr", {}, element("th", {}, "true \\ predicted"),
    ...names.map((name) => element("th", { scope: "col" }, name)));
  const rows = truths.map((truth) => element("tr", {}, element("th", { scope: "row" }, truth),
    ...names.map((name) => {
      const count = counts.get(key(truth, name));
      const cell = element("td", { className: rights.has(key(truth, name)) ? "right" : "" });
      if (count) cell.append(confusionButton(truth, name, count));
      return cell;
    })));
  control("confusion").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
}

function confusionButton(truth, name, count) {
  const ariaLabel = `${count} of ${truth} taken for ${name}`;
  const button = element("button", { type: "button", ariaLabel, ariaPressed: "false" }, String(count));
  button.addEventListener("click", () => {
    const isOn = button.ariaPressed === "true";
    for (const other of control("confusion").querySelectorAll("button")) other.ariaPressed = "false";
    button.ariaPressed = String(!isOn);
    confusion = isOn ? null : [truth, name];
    show();
  });
  return button;
}

fillHeader();
listClasses();
fillConfusions();
control("filters").addEventListener("input", show);
control("filters").addEventListener("submit", (event) => event.preventDefault());
new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) showMore();
}, { rootMargin: "1000px" }).observe(control("end"));
show();
