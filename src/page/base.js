"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const control = (id) => document.getElementById(id);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const option = (value, text = value) => element("option", { value }, text);

/** A number as a reader wants it: three decimals, or an exponent where these would hide it. */
function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  // What rounding leaves of nothing is nothing.
  if (size >= 1e-12 && (size < 0.001 || size >= 10000)) return value.toExponential(1).replace("-", "−");
  return value.toFixed(size >= 100 ? 1 : 3).replace("-", "−");
}

/** Round numbers that divide a range, some four of them. */
function ticks([low, high]) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step); tick * step <= high + step * 1e-9; tick += 1) found.push(tick * step);
  return found;
}
