// Run where you build: starts and stops runs beside the chart, and says with every request which run the page shows.

import { isTyping } from "../keys.js";
import { isAway } from "../session.js";
import * as choice from "./choice.js";
import { focusAfterwards } from "./edit.js";
import { autosave } from "./panel.js";

const designer = document.querySelector("[data-designer]");
const bar = () => document.getElementById("run-bar");
const panel = () => document.getElementById("panel");
const selected = () => panel()?.dataset.panel || "";
const isInput = (field) => field.closest("#run-form") !== null;
let focusesInputs = false; // the inputs are to get the focus once they are there
let going = false; // a run is being started
let refused = false; // what was typed could not be saved; a second press runs what is stored

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  ctx.request.headers["X-Flow-Run"] = bar()?.dataset.shown ?? "none";
  ctx.request.headers["X-Flow-Iterations"] = bar()?.dataset.at.trim() ?? "";
});

// What is typed in the panel is saved first, and the panel of a card that was just chosen comes before what is asked
// for after it; nothing is run that is not what is seen.
async function send(url, values) {
  if (going) return;
  going = true;
  try {
    const saved = await autosave.settled();
    await choice.settled();
    const waits = !saved && !refused;
    refused = waits;
    if (waits || (!saved && isAway())) return;
    focusesInputs = true;
    // The inputs go when the run begins.
    if (document.activeElement.closest("#run-form")) focusAfterwards(cardAtHand());
    await htmx.ajax("POST", url, { source: bar(), swap: "none", values: { action: selected(), ...values } });
  } finally {
    going = false;
  }
}

// Whose panel is open, else the one that was gone to last.
const cardAtHand = () =>
  selected() || (document.querySelector('#flowchart [data-card][tabindex="0"]')?.dataset.card ?? "start");

const start = (values = {}) => send(designer.dataset.startUrl, values);

const typed = (button) => Object.fromEntries(new FormData(document.getElementById("run-form"), button));

function stop() {
  const { stopUrl } = document.querySelector("[data-stop]")?.dataset ?? {};
  if (stopUrl) htmx.ajax("POST", stopUrl, { source: bar(), swap: "none" });
}

document.addEventListener("submit", (event) => {
  const { target } = event;
  if (target.matches(".flow-run")) {
    event.preventDefault();
    start();
  } else if (target.id === "run-form") {
    event.preventDefault();
    start(typed(event.submitter));
  }
});

document.addEventListener("click", (event) => {
  const run = event.target.closest("[data-run-with]");
  if (run) {
    const { runWith, value, on } = run.dataset;
    if (on) focusAfterwards(on);
    return start({ [runWith]: runWith === "blank" ? "1" : (value ?? on ?? selected()) });
  }
  if (event.target.closest("[data-stop]")) return stop();
  const pin = event.target.closest("[data-pin], [data-unpin]");
  if (pin) {
    if (pin.closest("#flowchart")) focusAfterwards(pin.dataset.on ?? pin.dataset.unpin);
    return changePin(pin.dataset);
  }
  const save = event.target.closest("[data-save-inputs]");
  if (save) {
    return htmx.ajax("POST", save.dataset.saveInputs, { source: bar(), swap: "none", values: typed() });
  }
  const iteration = event.target.closest("[data-iteration]");
  if (iteration && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    return show({ at: placesWith(iteration.dataset.iteration) });
  }
});

// `on` is the card in whose menu it was chosen.
function changePin({ pin, unpin, on }) {
  const { pinUrl, unpinUrl } = designer.dataset;
  const url = (pin === undefined ? unpinUrl : pinUrl).replace("ACTION", encodeURIComponent(on ?? pin ?? unpin));
  const shown = { action: selected(), view: view(), base: document.getElementById("base")?.value };
  return htmx.ajax("POST", url, { source: bar(), swap: "none", values: shown });
}

const view = () =>
  document.querySelector(".panel-tabs [aria-current]")?.id === "panel-tab-run" ? "run" : "properties";

// Of each loop one iteration: the one just chosen in place of the one before, and of what stands in that.
function placesWith(place) {
  const loop = place.slice(0, place.lastIndexOf("["));
  const others = bar().dataset.at.trim().split(/\s+/).filter(Boolean);
  return [...others.filter((one) => !one.startsWith(`${loop}[`)), place];
}

function show({ at = [], run = bar().dataset.shown ?? "none" }) {
  const query = new URLSearchParams({ run, action: selected() });
  for (const place of at) query.append("at", place);
  query.append("view", view());
  const { showUrl } = document.getElementById("bottom").dataset;
  return htmx.ajax("GET", `${showUrl}?${query}`, { source: bar(), swap: "none" });
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-show-run]")) show({ run: event.target.value });
});

// Up to here and alone need an action.
document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const item of event.target.querySelectorAll?.("[data-of-selected]") ?? []) {
    item.disabled = !selected() || selected() === "start";
  }
}, true);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || !(event.ctrlKey || event.metaKey)) return;
  if (event.target.closest?.("[data-typing]")) return; // a note on a card is saved by it
  if (event.key === "Enter") {
    event.preventDefault();
    const form = document.getElementById("run-form");
    if (form && (isInput(event.target) || !isTyping(event.target))) return form.requestSubmit();
    const button = document.querySelector("[data-run]");
    if (button && !button.disabled) start();
  } else if (event.key === ".") {
    event.preventDefault();
    stop();
  }
}, true);

// While a run goes, nothing is edited on this page.
const isLive = () =>
  Boolean(document.querySelector("#run-bar [data-stop-url]") ?? document.querySelector("#flowchart.is-readonly"));
const tools = () => document.querySelector(".toolbox");

document.addEventListener("htmx:before:request", (event) => {
  if (isLive() && event.detail.ctx.sourceElement?.id === "flow-edit") event.preventDefault();
});

function settle() {
  if (tools()) tools().inert = isLive();
}
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("DOMContentLoaded", settle);
settle();

document.addEventListener("htmx:finally:request", () => {
  if (!focusesInputs) return;
  focusesInputs = false;
  const form = document.getElementById("run-form");
  if (!form) return;
  const fields = [...form.querySelectorAll("input:not([type=hidden]), textarea, select")];
  const wrong = fields.find((field) => field.matches("[aria-invalid=true]"));
  (wrong ?? fields.find((field) => field.checkVisibility()) ?? form.querySelector("button"))?.focus();
});
