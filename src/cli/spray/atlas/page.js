"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const made = (tag, properties = {}, children = []) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
// Distinct on light and on dark ground, and for the colour-blind (Okabe and Ito).
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c6bb1", "#999999"];

at("settings").textContent = data.settings.join(" · ");

/** Red above 0, blue below, white at 0; the strongest value has the full colour. */
function drawMap(canvas, cells, scale, region) {
  const grid = data.grid, zoom = 12;
  canvas.width = canvas.height = grid * zoom;
  const context = canvas.getContext("2d");
  cells.forEach((value, cell) => {
    const part = Math.max(-1, Math.min(1, value / scale)), rest = Math.round(255 * (1 - Math.abs(part)));
    context.fillStyle = part >= 0 ? `rgb(255,${rest},${rest})` : `rgb(${rest},${rest},255)`;
    context.fillRect((cell % grid) * zoom, Math.floor(cell / grid) * zoom, zoom, zoom);
  });
  if (!region) return;
  const inside = new Set(region);
  context.strokeStyle = "#000";
  context.lineWidth = 2;
  context.beginPath();
  for (const cell of region) {
    const [x, y] = [cell % grid, Math.floor(cell / grid)];
    const side = (isOpen, x0, y0, x1, y1) => { if (isOpen) { context.moveTo(x0 * zoom, y0 * zoom); context.lineTo(x1 * zoom, y1 * zoom); } };
    side(x === 0 || !inside.has(cell - 1), x, y, x, y + 1);
    side(x === grid - 1 || !inside.has(cell + 1), x + 1, y, x + 1, y + 1);
    side(!inside.has(cell - grid), x, y, x + 1, y);
    side(!inside.has(cell + grid), x, y + 1, x + 1, y + 1);
  }
  context.stroke();
}

function picture(group, member) {
  const [file, address] = group.files[member];
  if (!address) return made("span", { className: "aside", textContent: file });
  return made("img", { src: address, alt: file, title: file, loading: "lazy" });
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages from a disk may have no clipboard: select the text, and let the browser copy it.
    const area = made("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1200);
}

function toCopy(text) {
  const button = made("button", { type: "button", textContent: "Copy" });
  button.addEventListener("click", () => copy(text, button));
  return made("div", { className: "row" }, [made("code", { textContent: text, tabIndex: 0 }), button]);
}

const number = (value, digits = 2) => value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits, useGrouping: false });

function card(suspect) {
  const group = data.groups[suspect.group];
  const strongest = Math.max(...suspect.inside.map(Math.abs), ...suspect.outside.map(Math.abs)) || 1;
  const difference = suspect.inside.map((value, cell) => value - suspect.outside[cell]);
  const map = (title, cells, scale, region) => {
    const canvas = made("canvas", { title });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title} of ${group.name}`);
    drawMap(canvas, cells, scale, region);
    return made("figure", {}, [canvas, made("figcaption", { textContent: title })]);
  };
  const facts = [
    ["suspicion", number(suspect.suspicion)], ["separation", number(suspect.separation)],
    ["focus", `${number(suspect.focus, 1)} cells`], ["at the edge", `${Math.round(100 * suspect.edge_share)} %`],
  ];
  const pictures = (title, members) => [made("p", { className: "aside", textContent: title }),
    made("div", { className: "pictures" }, members.map((member) => picture(group, member)))];
  const parts = [
    made("h3", {}, [`${suspect.suspect}. ${group.name}: ${suspect.n} of ${suspect.of} pictures `, ...badge(suspect)]),
    made("div", { className: "maps" }, [
      map("these pictures", suspect.inside, strongest), map("the others", suspect.outside, strongest),
      map("difference", difference, Math.max(...difference.map(Math.abs)) || 1, suspect.cells),
    ]),
    made("dl", {}, facts.map(([name, value]) => made("div", {}, [made("dt", { textContent: name }), made("dd", { textContent: value })]))),
    ...confirmation(suspect),
    ...pictures("nearest the centre", suspect.nearest), ...pictures("of the others", suspect.others),
    toCopy(suspect.list), toCopy(suspect.command),
  ];
  const show = made("button", { type: "button", textContent: "Show in the map" });
  show.addEventListener("click", () => { choose(suspect.group); select(new Set(suspect.members)); at("map").scrollIntoView(); });
  return made("li", { className: "card" }, [...parts, show]);
}

function badge(suspect) {
  if (!suspect.confirmation) return [];
  const isConfirmed = suspect.confirmation.confirmed;
  return [made("span", { className: isConfirmed ? "badge confirmed" : "badge", textContent: isConfirmed ? "confirmed" : "not confirmed" })];
}

function confirmation(suspect) {
  const found = suspect.confirmation;
  if (!found) return [];
  const percent = (value) => `${number(100 * value, 1)} %`;
  return [made("p", { textContent: `Its region put into ${found.n} other pictures makes ${percent(found.flips)} of them ${data.groups[suspect.group].name} (control ${percent(found.control_flips)}, p ${found.p < 1e-4 ? "< 0.0001" : number(found.p, 4)}).` })];
}

at("suspects").append(...data.suspects.map(card));
if (!data.suspects.length) at("suspects").append(made("li", { textContent: "No cluster stands apart in any group." }));
else if (data.all > data.suspects.length) at("suspects").after(made("p", { className: "aside", textContent: `${data.all - data.suspects.length} more are in spray.jsonl.` }));

// The table of groups.
function spark(values) {
  const [width, height] = [120, 26], highest = Math.max(...values, 1e-9);
  const points = values.map((value, index) => `${(2 + index * (width - 4) / Math.max(1, values.length - 1)).toFixed(1)},${(height - 2 - value / highest * (height - 4)).toFixed(1)}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `eigenvalues from ${number(values[0], 3)} to ${number(values[values.length - 1], 3)}`);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.join(" "));
  line.setAttribute("fill", "none");
  line.setAttribute("stroke", "currentColor");
  svg.append(line);
  return svg;
}
for (const [index, group] of data.groups.entries()) {
  const graph = group.graphs[1];
  const name = made("td");
  if (graph) {
    const open = made("button", { type: "button", textContent: group.name });
    open.addEventListener("click", () => { choose(index); at("map").scrollIntoView(); });
    name.append(open);
  } else name.textContent = `${group.name} (too few to analyse)`;
  const cells = [group.n, group.leftOut, graph ? number(graph.eigenvalues[1], 4) : "", graph ? graph.suggested : ""];
  at("groups").tBodies[0].append(made("tr", {}, [name,
    ...cells.map((text) => made("td", { className: "number", textContent: text })), made("td", {}, graph ? [spark(graph.eigenvalues.slice(0, 12))] : [])]));
}

// The map of a group.
const canvas = at("points"), context = canvas.getContext("2d");
const view = { group: -1, selected: new Set(), places: [], box: null };

function choose(index) {
  const group = data.groups[index];
  view.group = index;
  view.selected = new Set();
  at("group").value = index;
  at("graph").replaceChildren(...group.graphs.map((graph, place) => made("option", { value: place, textContent: `${graph.k} neighbours` })));
  at("graph").value = 1;
  at("clusters").replaceChildren(...group.graphs[1].clusterings.map((_, place) => made("option", { value: place, textContent: String(place + 2) })));
  at("clusters").value = group.graphs[1].suggested - 2;
  place();
  select(view.selected);
}

/** Where the points lie on the canvas. */
function place() {
  const group = data.groups[view.group], ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const all = [0, 1].map((axis) => group.points.map((point) => point[axis]));
  const [low, high] = [Math.min, Math.max].map((of) => all.map((values) => values.reduce((a, b) => of(a, b))));
  const span = Math.max(high[0] - low[0], high[1] - low[1]) || 1, margin = 14;
  const scale = Math.min((width - 2 * margin) / (high[0] - low[0] || 1), (height - 2 * margin) / (high[1] - low[1] || 1), 1e6 / span);
  const middle = [0, 1].map((axis) => (low[axis] + high[axis]) / 2);
  view.places = group.points.map((point) => [width / 2 + (point[0] - middle[0]) * scale, height / 2 - (point[1] - middle[1]) * scale]);
}

function draw() {
  if (view.group < 0) return;
  const group = data.groups[view.group];
  const clusters = group.graphs[at("graph").value].clusterings[at("clusters").value];
  const radius = group.n > 3000 ? 2 : group.n > 600 ? 3 : 4.5;
  const ink = getComputedStyle(canvas).color;
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  for (let cluster = 0; cluster < COLORS.length; cluster += 1) {
    context.fillStyle = COLORS[cluster];
    context.globalAlpha = view.selected.size ? 0.35 : 0.85;
    context.beginPath();
    view.places.forEach(([x, y], member) => {
      if (Number(clusters[member]) === cluster) { context.moveTo(x + radius, y); context.arc(x, y, radius, 0, 7); }
    });
    context.fill();
  }
  context.globalAlpha = 1;
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  for (const member of view.selected) {
    const [x, y] = view.places[member];
    context.fillStyle = COLORS[Number(clusters[member])];
    context.beginPath();
    context.arc(x, y, radius + 1, 0, 7);
    context.fill();
    context.stroke();
  }
  if (view.box) {
    const { x0, y0, x1, y1 } = view.box;
    context.setLineDash([4, 3]);
    context.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    context.setLineDash([]);
  }
}

function select(members) {
  const group = data.groups[view.group], list = [...members].sort((a, b) => a - b);
  view.selected = new Set(list);
  at("count").textContent = list.length ? `${list.length} of ${group.n} pictures selected` : "nothing selected";
  at("paths").value = list.map((member) => group.files[member][0]).join("\n");
  at("copy").disabled = at("clear").disabled = !list.length;
  at("selected").replaceChildren(...list.slice(0, 30).map((member) => picture(group, member)));
  draw();
}

const position = (event) => { const frame = canvas.getBoundingClientRect(); return [event.clientX - frame.left, event.clientY - frame.top]; };

function nearest([x, y], reach) {
  let [best, distance] = [-1, reach * reach];
  view.places.forEach(([px, py], member) => {
    const away = (px - x) ** 2 + (py - y) ** 2;
    if (away < distance) [best, distance] = [member, away];
  });
  return best;
}

function hover(point) {
  const member = nearest(point, 12);
  at("hover").hidden = member < 0;
  if (member < 0) return;
  const [file, address] = data.groups[view.group].files[member];
  at("hover-name").textContent = file;
  at("hover-picture").hidden = !address;
  if (address && at("hover-picture").getAttribute("src") !== address) at("hover-picture").src = address;
  const [x, y] = view.places[member];
  at("hover").style.left = `${Math.min(Math.max(0, x + 12), Math.max(0, canvas.clientWidth - 195))}px`;
  at("hover").style.top = `${y > canvas.clientHeight / 2 ? Math.max(0, y - 240) : y + 12}px`;
}

canvas.addEventListener("pointerdown", (event) => {
  if (view.group < 0) return;
  const [x, y] = position(event);
  view.box = { x0: x, y0: y, x1: x, y1: y };
  try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that a script made */ }
});
canvas.addEventListener("pointermove", (event) => {
  if (view.group < 0) return;
  const [x, y] = position(event);
  if (!view.box) return hover([x, y]);
  Object.assign(view.box, { x1: x, y1: y });
  at("hover").hidden = true;
  requestAnimationFrame(draw);
});
canvas.addEventListener("pointerup", (event) => {
  if (!view.box) return;
  const { x0, y0 } = view.box, [x1, y1] = position(event);
  view.box = null;
  if (Math.hypot(x1 - x0, y1 - y0) < 4) {
    const member = nearest([x1, y1], 12);
    return select(member < 0 ? [] : [member]);
  }
  const isInside = ([x, y]) => x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1);
  select(view.places.flatMap((point, member) => (isInside(point) ? [member] : [])));
});
canvas.addEventListener("pointercancel", () => { view.box = null; draw(); });
canvas.addEventListener("pointerleave", () => { at("hover").hidden = true; });
at("copy").addEventListener("click", () => copy(at("paths").value, at("copy")));
at("clear").addEventListener("click", () => select([]));
at("group").addEventListener("change", () => choose(Number(at("group").value)));
at("graph").addEventListener("change", draw);
at("clusters").addEventListener("change", draw);
window.addEventListener("resize", () => { if (view.group >= 0) { place(); draw(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

const analysed = data.groups.flatMap((group, index) => (group.points ? [index] : []));
at("group").append(...analysed.map((index) => made("option", { value: index, textContent: `${data.groups[index].name} (${data.groups[index].n})` })));
if (analysed.length) choose(data.suspects.length ? data.suspects[0].group : analysed[0]);
else at("map").hidden = true;
