"use strict";

// Rows enter the page as they are scrolled to: thousands of pictures at once would freeze it.
const ROWS_AT_ONCE = 100;
const FAILED = "failed";

const rows = JSON.parse(document.getElementById("rows").textContent);
const control = (id) => document.getElementById(id);
const results = control("results");
const headings = [...document.querySelectorAll("th[data-key]")];
const order = { key: null, isDescending: false };
let shown = [];

const byText = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a, b) {
  const [x, y] = [a[order.key], b[order.key]];
  // Failures have neither class nor confidence; they come last, whatever the direction.
  if (x === null || y === null) return (x === null) - (y === null);
  const sign = order.isDescending ? -1 : 1;
  return sign * (typeof x === "number" ? x - y : byText.compare(x, y));
}

function isWanted(row) {
  const part = control("file").value.trim().toLowerCase();
  const wanted = control("class").value;
  if (!row.file.toLowerCase().includes(part)) return false;
  if (wanted === FAILED ? row.error === null : wanted && row.class !== wanted.slice(1)) return false;
  const [lowest, highest] = ["lowest", "highest"].map((id) => control(id).value);
  if (lowest !== "" && !(row.confidence * 100 >= Number(lowest))) return false;
  // A failure has no confidence, so no bound lets it through.
  return highest === "" || (row.confidence !== null && row.confidence * 100 <= Number(highest));
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function link(address, text) {
  return address ? element("a", { href: address, target: "_blank" }, text) : text;
}

function picture(thumbnail, address) {
  const cell = element("td", { className: "picture" });
  if (thumbnail) {
    const { source, width, height } = thumbnail;
    const className = Math.max(width, height) < 100 ? "small" : "";
    const image = element("img", { loading: "lazy", className, width, height, src: source, alt: "" });
    cell.append(link(address, image));
  }
  return cell;
}

function tableRow(row) {
  const file = element("td", { className: "file" }, link(row.report, row.file));
  const predicted = element("td", { className: "class" });
  const confidence = element("td", { className: "confidence" });
  if (row.error !== null) {
    file.append(element("span", { className: "aside error" }, row.error));
  } else {
    predicted.append(row.class);
    confidence.append(`${(row.confidence * 100).toFixed(1)} %`);
    if (row.target !== row.class) {
      predicted.append(element("span", { className: "aside" }, `explained: ${row.target}`));
    }
  }
  return element("tr", {}, file, predicted, confidence,
    picture(row.photo), picture(row.heatmap, row.heatmapFile), picture(row.overlay, row.overlayFile));
}

function showMore() {
  const begin = results.childElementCount;
  results.append(...shown.slice(begin, begin + ROWS_AT_ONCE).map(tableRow));
}

function show() {
  shown = rows.filter(isWanted);
  if (order.key) shown.sort(compare);
  results.replaceChildren();
  showMore();
  control("count").value = `${shown.length} of ${rows.length}`;
  for (const heading of headings) {
    const direction = order.isDescending ? "descending" : "ascending";
    heading.ariaSort = heading.dataset.key === order.key ? direction : "none";
  }
}

function sortBy(key) {
  // The most certain first is what people look for first.
  order.isDescending = order.key === key ? !order.isDescending : key === "confidence";
  order.key = key;
  show();
}

function listClasses() {
  const counts = new Map();
  for (const row of rows) {
    // The sign keeps a class that is called "failed" apart from failures.
    const value = row.error === null ? "=" + row.class : FAILED;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const option = (value, text) => element("option", { value }, text);
  const sorted = [...counts].sort(([a], [b]) => byText.compare(a, b));
  control("class").append(option("", `every class (${rows.length})`),
    ...sorted.map(([value, count]) => option(value, `${value.replace(/^=/, "")} (${count})`)));
}

listClasses();
control("filters").addEventListener("input", show);
control("filters").addEventListener("submit", (event) => event.preventDefault());
for (const heading of headings) heading.addEventListener("click", () => sortBy(heading.dataset.key));
new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) showMore();
}, { rootMargin: "1000px" }).observe(control("end"));
show();
