// Typing on a card: its title (F2, a double click) and its note (Shift F2). Enter saves a title, leaving the field
// saves both, Esc lets go.

import { isAway } from "../session.js";
import { change, focusAfterwards, isEditable, say, titleOf } from "./edit.js";

const NOT_SAVED = "Not saved yet: the server cannot be reached. What you typed stays here.";
let waiting = null; // what is typed while nobody can take it: saves it

// `save` is given what was typed; it is not called for what was there. `again` opens the field anew.
function type(field, title, save, again) {
  const id = title.dataset.card;
  const before = field.value;
  let isOver = false;
  const end = async (isSaved, hasFocus) => {
    if (isOver) return;
    const typed = field.value;
    if (isSaved && typed !== before && isAway()) {
      waiting = () => end(true, false);
      return say(NOT_SAVED, "bad");
    }
    isOver = true;
    field.closest("[data-typing]").remove();
    title.closest("article").classList.remove("is-typing");
    if (hasFocus) titleOf(id)?.focus();
    if (!isSaved || typed === before) return;
    if (hasFocus) focusAfterwards(id);
    await save(typed);
    if (isAway()) again(typed);
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const isDone = event.key === "Enter" && (field.matches("input") || event.ctrlKey || event.metaKey);
    if (event.isComposing || (event.key !== "Escape" && !isDone)) return;
    event.preventDefault();
    end(isDone, true);
  });
  field.addEventListener("blur", () => end(true, false));
  field.focus();
  field.select();
}

document.addEventListener("session:back", () => {
  waiting?.();
  waiting = null;
});

// Opens a field with what could not be saved.
function keep(open, id, typed) {
  open(titleOf(id));
  const field = document.querySelector("[data-typing] :is(input, textarea)");
  if (!field) return;
  field.value = typed;
  field.blur();
}

export function rename(title) {
  const id = title.dataset.card;
  if (!isEditable || id === "start" || document.querySelector("[data-typing]")) return;
  const place = document.getElementById("title-field").content.firstElementChild.cloneNode(true);
  const field = place.querySelector("input");
  const { title: stored = "" } = title.dataset;
  field.value = stored;
  field.placeholder = title.querySelector("b").textContent;
  title.closest("article").classList.add("is-typing");
  title.before(place);
  type(field, title, (typed) => change(id, "rename", { title: typed }), (typed) => keep(rename, id, typed));
}

export function editNote(title) {
  const id = title.dataset.card;
  if (!isEditable || document.querySelector("[data-typing]")) return;
  const place = document.getElementById("note-field").content.firstElementChild.cloneNode(true);
  const article = title.closest("article");
  const note = article.querySelector(":scope > [data-note] [data-note-text]");
  const field = place.querySelector("textarea");
  field.value = note?.textContent ?? "";
  article.classList.add("is-typing");
  article.querySelector(":scope > .card-head").after(place);
  type(field, title, (typed) => change(id, "note", { text: typed }), (typed) => keep(editNote, id, typed));
}

document.addEventListener("dblclick", (event) => {
  const title = event.target.closest("#flowchart [data-card]");
  if (title && !event.ctrlKey && !event.shiftKey && !event.metaKey) rename(title);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-rename], [data-edit-note]");
  if (!button) return;
  const title = button.dataset.on
    ? titleOf(button.dataset.on)
    : button.closest("article").querySelector("[data-card]");
  "rename" in button.dataset ? rename(title) : editNote(title);
});
