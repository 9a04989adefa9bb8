// Expand: the text of a field in a large editor beside the panel. The field stays what is saved: what is typed here is
// typed there, and what others make of the field is taken over. Controls ask for it by a button:
//
//   <button data-expand="ID OF THE TEXTAREA" data-mode="template" data-label="User prompt">Expand</button>
//
// data-mode is one of code_editor.js; data-completions holds those of mode python as JSON. What the Insert variable
// button of the field says of secrets and bodies counts here, too.

import { findValues, groupsFor, whyNot } from "./values.js";

const sheet = document.getElementById("big-editor");
const place = () => sheet.querySelector("[data-editor-place]");
let open = null; // { id, editor, isHalf } while it is open: the id of the field, whether an expression is being written

// Whether what is in the field, or in any, is half an expression.
export const isWriting = (field) => Boolean(open?.isHalf) && (!field || field.id === open.id);

const fieldOf = (button) => document.getElementById(button.dataset.expand);

async function expand(button) {
  if (open) close();
  const field = fieldOf(button);
  const mine = { id: button.dataset.expand, editor: null };
  open = mine;
  sheet.querySelector("[data-editor-label]").textContent = button.dataset.label;
  sheet.querySelector("[data-editor-of]").textContent = ofAction();
  say("Loading the editor…");
  place().replaceChildren();
  sheet.hidden = false;
  try {
    const { mountEditor } = await import("./code_editor.js");
    const isReadOnly = field.matches(":disabled");
    const editor = await mountEditor(freshPlace(), { ...setup(button), text: field.value, isReadOnly });
    if (open !== mine) return editor.destroy();
    mine.editor = editor;
  } catch {
    if (open !== mine) return;
    close();
    fieldOf(button)?.focus();
    return;
  }
  say("");
  mine.editor.goTo(field.selectionEnd ?? 0);
  mine.editor.focus();
}

function freshPlace() {
  const made = document.createElement("div");
  made.className = "editor-host";
  made.dataset.typing = "";
  place().replaceChildren(made);
  return made;
}

function setup(button) {
  const { mode, label, completions } = button.dataset;
  const config = document.querySelector(`[data-insert-into="${CSS.escape(button.dataset.expand)}"]`)?.dataset ?? {};
  return {
    mode,
    label,
    completions: completions ? JSON.parse(completions) : [],
    async values() {
      const found = await findValues();
      if (!found) return null;
      return { groups: groupsFor(found, config), isRefused: (value) => whyNot(value, config), filters: found.filters };
    },
    changed(text, isHalf) {
      const field = document.getElementById(open?.id);
      if (!field) return close();
      open.isHalf = isHalf;
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
  };
}

function ofAction() {
  const title = document.getElementById("panel-title");
  const words = title?.value || title?.placeholder;
  return words ? `of ${words}` : "";
}

function say(words) {
  const said = sheet.querySelector("[data-editor-said]");
  said.textContent = words;
  said.hidden = !words;
}

// Back to the button, or to the field where it is gone.
function close() {
  const { id, editor } = open ?? {};
  open = null;
  const hadFocus = sheet.contains(document.activeElement);
  editor?.destroy();
  place().replaceChildren();
  sheet.hidden = true;
  const field = id ? document.getElementById(id) : null;
  field?.dispatchEvent(new Event("change", { bubbles: true })); // saved at once, as when the field is left
  if (hadFocus) (document.querySelector(`[data-expand="${CSS.escape(id)}"]`) ?? field)?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-expand]");
  if (button) return open?.id === button.dataset.expand ? close() : expand(button);
  if (event.target.closest("[data-close-editor]")) close();
});

sheet?.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) {
    event.preventDefault();
    close();
  }
  if (!(event.ctrlKey && ["Enter", "k"].includes(event.key))) event.stopPropagation(); // they are not for the chart
});

// The field may have another value now, or be gone with its panel.
function follow() {
  if (!open?.editor) return;
  const field = document.getElementById(open.id);
  if (!field) return close();
  open.editor.text = field.value;
}
document.addEventListener("htmx:after:swap", follow);
document.addEventListener("input", (event) => {
  if (event.target.id === open?.id && document.activeElement === event.target) follow();
});
