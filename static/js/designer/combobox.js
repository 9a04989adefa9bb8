// A text with suggestions: they are asked for when the field is entered, and shown when it is clicked or typed into.

import { activate, activeOption, fill, moved } from "../listbox.js";

const listOf = (field) => field.closest("[data-combobox]")?.querySelector("[data-combobox-list]");
const isOpen = (field) => field.getAttribute("aria-expanded") === "true";

// Of each value of the field that they depend on once.
function ask(list) {
  const { value } = document.getElementById(list.dataset.of) ?? { value: "" };
  if (list.dataset.askedFor === value) return;
  list.dataset.askedFor = value;
  htmx.trigger(list, "load-suggestions");
}

function open(field) {
  const list = listOf(field);
  ask(list);
  field.setAttribute("aria-expanded", "true");
  list.hidden = false;
}

function close(field) {
  field.setAttribute("aria-expanded", "false");
  listOf(field).hidden = true;
  activate(field, listOf(field), null);
}

// What is there already does not narrow the list; what is typed now does, also what comes later.
function narrow(list, words) {
  list.dataset.words = words;
  for (const option of list.querySelectorAll("[role=option]")) {
    option.hidden = !option.dataset.value.toLowerCase().includes(words.trim().toLowerCase());
  }
}

const choose = (field, option) => {
  close(field);
  fill(field, () => { field.value = option.dataset.value; });
};

document.addEventListener("focusin", (event) => {
  const list = event.target.matches("[role=combobox]") && listOf(event.target);
  if (list) ask(list);
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches("[role=combobox]") && listOf(event.target)) close(event.target);
});
document.addEventListener("input", (event) => {
  const list = event.isTrusted && event.target.matches("[role=combobox]") && listOf(event.target);
  if (!list) return;
  open(event.target);
  narrow(list, event.target.value);
});
document.addEventListener("mousedown", (event) => {
  if (event.target.closest("[data-combobox-list]")) event.preventDefault(); // the focus stays in the field
});
document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-combobox]");
  const field = box?.querySelector("[role=combobox]");
  if (!field) return;
  const option = event.target.closest("[role=option]");
  if (option) return choose(field, option);
  if (event.target !== field) return;
  if (!isOpen(field)) narrow(listOf(field), "");
  open(field);
});

// Before the keys of the chart and of the panel.
document.addEventListener("keydown", (event) => {
  const field = event.target;
  const list = field.matches("[role=combobox]") && listOf(field);
  if (!list) return;
  if (event.key === "ArrowDown" && !isOpen(field)) {
    narrow(list, "");
    open(field);
  }
  if (!isOpen(field) || moved(event, list)) return;
  const option = activeOption(field);
  if (event.key === "Enter" && option) {
    event.preventDefault();
    choose(field, option);
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close(field);
  }
}, true);

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const list = ctx.sourceElement?.closest?.("[data-combobox-list]");
  if (list) narrow(list, list.dataset.words ?? "");
});
// Without an answer it is asked for again when the field is entered again.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const list = ctx.sourceElement?.closest?.("[data-combobox-list]");
  if (list) delete list.dataset.askedFor;
});
