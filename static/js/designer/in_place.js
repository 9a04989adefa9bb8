// Typing on a card: its title (F2, a double click) and its note (Shift F2). Enter saves a title, leaving the field
// saves both, Esc lets go.

import { change, focusAfterwards, isEditable, titleOf } from "./edit.js";

// `save` is given what was typed; it is not called for what was there.
function type(field, title, save) {
  const id = title.dataset.card;
  const before = field.value;
  let isOver = false;
  const end = (isSaved, hasFocus) => {
    if (isOver) return;
    isOver = true;
    const typed = field.value;
    field.closest("[data-typing]").remove();
    title.closest("article").classList.remove("is-typing");
    if (isSaved && typed !== before) {
      if (hasFocus) focusAfterwards(id);
      save(typed);
    }
    if (hasFocus) titleOf(id)?.focus();
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
  type(field, title, (typed) => change(id, "rename", { title: typed }));
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
  type(field, title, (typed) => change(id, "note", { text: typed }));
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
