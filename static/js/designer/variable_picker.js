// Insert variable: one list for all fields of the panel, which opens below the field that asks for it.

import { activate, activateFirst, activeOption, fill, moved } from "../listbox.js";

let opener = null; // the button, while the list is open

const pickerOf = () => document.querySelector("[data-picker]");
const findOf = (picker) => picker.querySelector("input");

function open(button) {
  close();
  opener = button;
  button.setAttribute("aria-expanded", "true");
  const picker = pickerOf();
  offer(picker, button.dataset);
  const field = document.getElementById(button.dataset.insertInto).getBoundingClientRect();
  picker.style.top = `${field.bottom - picker.parentElement.getBoundingClientRect().top + 4}px`;
  picker.hidden = false;
  findOf(picker).value = "";
  find(picker);
  findOf(picker).focus({ preventScroll: true });
  picker.scrollIntoView({ block: "nearest" });
}

// What the field takes: secrets on top, among the others, or with the reason why they cannot be chosen.
function offer(picker, { secretsFirst, withBody, noSecrets }) {
  const shown = { secrets: secretsFirst !== undefined, body: withBody !== undefined };
  for (const group of picker.querySelectorAll("[data-only]")) group.hidden = !shown[group.dataset.only];
  for (const option of picker.querySelectorAll("[data-secret-option]")) {
    option.setAttribute("aria-disabled", String(Boolean(noSecrets)));
    option.querySelector(".picker-why").textContent = noSecrets;
    option.toggleAttribute("data-elsewhere", shown.secrets && !option.closest("[data-only=secrets]"));
  }
}

function find(picker) {
  const words = findOf(picker).value.trim().toLowerCase();
  for (const option of picker.querySelectorAll("[role=option]")) {
    option.hidden = "elsewhere" in option.dataset || !option.dataset.insertVariable.toLowerCase().includes(words);
  }
  for (const group of picker.querySelectorAll("[role=group]")) {
    group.classList.toggle("is-empty", !group.querySelector("[role=option]:not([hidden])"));
  }
  const none = picker.querySelector(".picker-none");
  none.hidden = Boolean(picker.querySelector("[role=group]:not(.is-empty, [hidden])"));
  if (words) none.textContent = none.dataset.none;
  activateFirst(findOf(picker), picker);
}

function close() {
  const picker = pickerOf();
  if (picker) picker.hidden = true;
  opener?.removeAttribute("aria-expanded");
  opener = null;
}

function insert(option) {
  const field = document.getElementById(opener.dataset.insertInto);
  const name = option.dataset.insertVariable;
  const text = "bare" in opener.dataset ? name : `{{ ${name} }}`;
  close();
  fill(field, () => {
    // A secret is one expression and nothing else.
    if ("secret" in field.dataset) field.value = text;
    else field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert-into]");
  if (button) return button === opener ? close() : open(button);
  const option = event.target.closest("[data-picker] [role=option]:not([aria-disabled=true])");
  if (option) insert(option);
  else if (opener && !event.target.closest("[data-picker]")) close();
});

document.addEventListener("mousedown", (event) => {
  // The focus stays where the keys are heard.
  if (event.target.closest("[data-picker]") && !event.target.matches("input")) event.preventDefault();
});

document.addEventListener("input", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (picker) find(picker);
});

// Before the keys of the chart and of the panel.
document.addEventListener("keydown", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (!picker || moved(event, picker)) return;
  if (event.key === "Enter") {
    event.preventDefault();
    const option = activeOption(event.target);
    if (option) insert(option);
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    const button = opener;
    close();
    button?.focus();
  }
}, true);

document.addEventListener("focusout", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (picker && event.relatedTarget && !picker.contains(event.relatedTarget) && event.relatedTarget !== opener) close();
});

document.addEventListener("pointermove", (event) => {
  const option = event.target.closest("[data-picker] [role=option]:not([aria-disabled=true])");
  if (option) activate(findOf(pickerOf()), pickerOf(), option);
});
