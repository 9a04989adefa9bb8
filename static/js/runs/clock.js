// Moves what says how long something has gone: durations, waits, and the bars on their axis. It counts by the clock of
// the server, which the head of the run tells whenever it is renewed, with the rules of flows/runs/time_axis.py.

const EVERY = 500; // ms, so that no second is left out
const SHORTEST_BAR = 0.7, NEAR_END = 92; // % of the axis
const MOST_PARTS = 4, MOST_MARKS = 8;
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
  60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400]; // seconds

let ahead = 0; // ms that the clock of the server is before that of the browser
let told = "";
let connected = true;

function readClock() {
  const now = document.querySelector("#run-status, #run-bar")?.dataset.now;
  if (!now || now === told) return;
  told = now;
  ahead = Number(now) - Date.now();
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function elapsed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : minutes(seconds);
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function moveBar(bar, whole) {
  const [began, ended] = bar.dataset.span.split(" ").map(Number);
  const x = Math.min(Math.max(began / whole, 0), 1) * 100;
  const width = Math.max(SHORTEST_BAR, Math.min((((ended ?? whole) - began) / whole) * 100, 100 - x));
  bar.setAttribute("x", `${Math.min(x, 100 - SHORTEST_BAR).toFixed(2)}%`);
  bar.setAttribute("width", `${width.toFixed(2)}%`);
}

function moveMarks(axis, seconds) {
  const step = STEPS.find((one) => seconds / one <= MOST_PARTS) ?? STEPS.at(-1);
  const count = Math.min(Math.floor(seconds / step), MOST_MARKS);
  while (axis.children.length > count + 1) axis.lastElementChild.remove();
  for (let at = 0; at <= count; at++) {
    const mark = axis.children[at] ?? axis.appendChild(axis.children[0].cloneNode(true));
    const [words, tick] = mark.children;
    const value = Number((at * step).toPrecision(6)), x = (value / seconds) * 100;
    for (const [part, name] of [[words, "x"], [tick, "x1"], [tick, "x2"]]) part.setAttribute(name, `${x.toFixed(2)}%`);
    words.setAttribute("text-anchor", at === 0 ? "start" : x > NEAR_END ? "end" : "middle");
    say(words, value >= 60 ? minutes(value) : at === 0 || at === count ? `${value} s` : `${value}`);
  }
}

function tick() {
  readClock();
  if (!connected) return;
  const now = Date.now() + ahead;
  for (const each of document.querySelectorAll("[data-since]")) say(each, elapsed(now - each.dataset.since));
  for (const each of document.querySelectorAll("[data-until]")) {
    const left = each.dataset.until - now;
    say(each, left > 0 ? `· ${elapsed(left + 999)}` : "");
  }
  const table = document.querySelector(".run-table[data-began]");
  if (!table) return;
  const whole = Math.max(now - table.dataset.began, 1);
  moveMarks(table.querySelector(".fall-axis"), whole / 1000);
  for (const bar of table.querySelectorAll("[data-span]")) moveBar(bar, whole);
}

// What goes on while nobody is heard is not known.
function heard(is) {
  connected = is;
  const note = document.getElementById("run-lost");
  if (note) note.hidden = is;
}

document.addEventListener("htmx:sse:error", () => heard(false));
document.addEventListener("htmx:sse:after:connection", () => heard(true));
document.addEventListener("htmx:after:swap", tick);
document.addEventListener("htmx:finally:swap", tick);
document.addEventListener("visibilitychange", tick);
setInterval(tick, EVERY);
tick();
