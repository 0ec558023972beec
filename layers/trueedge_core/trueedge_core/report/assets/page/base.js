// The report's script, in parts that go out as one file. The page is whole without it: what stands here adds a chart that
// can be zoomed, tables that can be sorted, and figures that follow the log. Text from outside becomes text and nothing
// else (textContent), numbers are written as the server writes them, and every request goes to our own origin.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const SVG = find(".symbols")?.namespaceURI; // of the page's own drawings: no address stands in a script

function drawing(tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A report that was saved as one file carries the answers that it needs.
const carried = find("#answers") ? JSON.parse(find("#answers").textContent) : null;

async function ask(url, signal) {
  if (carried) {
    if (url in carried) return carried[url];
    throw new Error(`${url} is not in this file`);
  }
  const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

// --- colours: the stylesheet's own, for what is drawn on a canvas -------------------------------------------------------

let colours = {};
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => (colours = {}));

function colour(name) {
  colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return colours[name];
}

// --- numbers and times, as report/text.py sets them -------------------------------------------------------------------

const MINUS = "−";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HUGE = 1e15;

function grouped(value, least, most) {
  const format = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
  return format.format(value).replace("-", MINUS);
}

function scientific(value, digits) {
  const [mantissa, power] = value.toExponential(digits).split("e");
  return `${Number(mantissa)}e${Number(power)}`.replaceAll("-", MINUS);
}

function money(value) {
  const size = Math.abs(value);
  if (size >= HUGE || (size && size < 5e-9)) return scientific(value, 4);
  return grouped(value, 2, size >= 100 ? 2 : size >= 1 ? 4 : 8);
}

// For a price scale: never longer than some nine characters.
function compact(value, decimals) {
  const size = Math.abs(value);
  if (size >= HUGE) return scientific(value, 2);
  for (const [unit, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"]]) if (size >= unit) return grouped(value / unit, 0, 3) + suffix;
  return grouped(value, decimals, decimals);
}

const two = (n) => String(n).padStart(2, "0");

function dateText(ms) {
  const at = new Date(ms);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

function timeText(ms) {
  const at = new Date(ms);
  return `${dateText(ms)}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}

// --- the scales of charts -----------------------------------------------------------------------------------------------

function moneyTicks(u, splits, axis, space, step) {
  const decimals = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return splits.map((value) => (value === null ? "" : compact(value, decimals)));
}

// What the ticks say, by how far apart they are; where a year or a day begins, and at the first, they say that.
function timeTicks(u, splits, axis, space, step) {
  let before = null;
  return splits.map((at) => {
    if (u.valToPos(at, "x") < 28) return ""; // it would be cut off at the edge
    const d = new Date(at * 1000);
    const [year, month, day] = [d.getUTCFullYear(), MONTHS[d.getUTCMonth()], `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`];
    const turned = !before || before.getUTCFullYear() !== year;
    const newDay = !before || before.getUTCDate() !== d.getUTCDate();
    const first = !before;
    before = d;
    if (step >= 31536000) return String(year);
    if (step >= 2419200) return first ? `${month} ${year}` : turned ? String(year) : month;
    if (step >= 86400) return turned ? `${day} ${year}` : day;
    const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
    return newDay ? day : step >= 60 ? time : `${time}:${two(d.getUTCSeconds())}`;
  });
}

// --- parts --------------------------------------------------------------------------------------------------------------

// What a part of the page does when it is there, and again after a fresh one has taken its place.
const starters = [];
const start = (selector, begin) => starters.push([selector, begin]);

function startAll(within = document) {
  for (const [selector, begin] of starters) for (const one of all(selector, within)) begin(one);
}

document.addEventListener("DOMContentLoaded", () => startAll());

// A definition that was opened by focus or tap goes with Escape.
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && document.activeElement?.matches(".term")) document.activeElement.blur();
});
