// The property panel saves as you go. Each save names the newest revision that this page has seen.

import { Autosave } from "../autosave.js";
import "./combobox.js";
import { isWriting } from "./big_editor.js";
import { isPicking } from "./variable_picker.js";

const FORM = "properties-form";

const SAVING = "Saving…";
const saved = () => document.querySelector("[data-saved]");
const say = (words) => {
  if (saved()) saved().textContent = words;
};

export const autosave = new Autosave({
  formOf: (field) => (field.form?.id === FORM ? field.form : null),
  takenAlong: ({ id }) => (id === FORM ? [FORM] : []),
  isHalf: (field) => isSecret(field) || isPicking(field) || isWriting(field),
  isHeld: () => isPicking() || isWriting(),
  nameOf: () => {
    const title = document.getElementById("panel-title");
    return title?.value || title?.placeholder;
  },
  waits: markCard,
  before: (form) => {
    const newest = document.getElementById("base")?.value;
    if (newest) form.elements.base.value = newest;
    say(SAVING);
  },
  after: (taken) => {
    if (taken && !autosave.hasUnsaved) forgetSecrets();
    if (!taken && saved()?.textContent === SAVING) say("Not saved"); // a message says why
  },
  failed: () => say("Not saved: the server did not answer"),
});

// The card says what of it is not saved.
function markCard(count) {
  document.querySelector("#flowchart [data-unsaved]")?.remove();
  const { panel = "" } = document.getElementById("panel").dataset;
  const title = document.querySelector(`#flowchart [data-card="${CSS.escape(panel)}"]`);
  if (!count || !title) return;
  const mark = document.createElement("span");
  mark.className = "state is-warn";
  mark.dataset.unsaved = "";
  mark.append(document.getElementById("changes-wait").content.cloneNode(true));
  mark.querySelector("span").textContent = `${count} not saved`;
  title.after(mark);
}

// Half a key is no key: a secret is saved when its field is left.
function isSecret(field) {
  const type = field.closest(".variable-row")?.querySelector("select")?.value;
  return type ? type === "secret" && /-(value|default)$/.test(field.name) : "secret" in field.dataset;
}

// A literal secret is stored now; it does not stay in the page.
function forgetSecrets() {
  for (const field of document.getElementById(FORM)?.elements ?? []) {
    if (!("secret" in field.dataset) || !field.value || field.value.includes("{{")) continue;
    field.value = "";
    field.placeholder = "stored · blank keeps it";
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== FORM) return;
  event.preventDefault();
  autosave.save(event.target);
});
window.addEventListener("beforeunload", (event) => {
  if (!autosave.isSettled) event.preventDefault();
});
