// One edit of the chart: a POST that names the revision it was made on; the server answers with the regions to renew.
// And what is said of the chart, in one line that is read out.

import { autosave } from "./panel.js";

export const designer = document.querySelector("[data-designer]");
export const isEditable = "editable" in designer.dataset;

export const selected = () => document.getElementById("panel")?.dataset.panel || "";
export const titleOf = (id) => document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`);
const titles = () => [...document.querySelectorAll("#flowchart [data-card]")];
export const seenTitles = () => titles().filter((title) => !title.closest(".is-folded > .lanes"));

const changeUrl = (id, verb) =>
  designer.dataset.changeUrl.replace("VERB", verb).replace("ACTION", encodeURIComponent(id));

// One edit at a time, so that each is made on what the one before has made of the page.
let posted = Promise.resolve();
export function post(url, values = {}) {
  const send = async () => {
    await autosave.settled();
    const edit = document.getElementById("flow-edit");
    const shown = { action: selected(), new_action: document.getElementById("new-action")?.value ?? "" };
    return htmx.ajax("POST", url, { source: edit, swap: "none", values: { ...shown, ...values } });
  };
  posted = posted.then(send, send);
  return posted;
}

export const change = (id, verb, values = {}) => post(changeUrl(id, verb), values);

// The card that gets the focus once the chart is renewed: an id, or "selected", the one whose panel is open.
let wanted = null;
export const focusAfterwards = (id) => { wanted = id; };
export function takeFocus() {
  const id = wanted === "selected" ? selected() : wanted;
  wanted = null;
  return id;
}

const LINE = 10_000; // ms that a sentence stays which asks for nothing
let fading = 0;

// `how`: "bad" for what was not done, "heard" for what can be seen anyway.
export function say(words, how = "") {
  const line = document.getElementById("chart-said");
  line.className = { bad: "chart-said is-bad", heard: "chart-said is-only-heard" }[how] ?? "chart-said";
  delete line.dataset.stays;
  line.dataset.chosen = "";
  const span = document.createElement("span");
  span.textContent = words;
  line.replaceChildren(...(words ? [span] : []));
  fade(line);
}

function fade(line) {
  clearTimeout(fading);
  if (!line.matches(".is-bad, [data-stays]")) fading = setTimeout(() => line.replaceChildren(), LINE);
}

// What a request has chosen and said is looked at once.
export function saidNow() {
  const line = document.getElementById("chart-said");
  const chosen = line?.dataset.chosen;
  if (!line || chosen === "") return null;
  line.dataset.chosen = "";
  fade(line);
  return chosen.split(",");
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss-said]")) say("");
});
