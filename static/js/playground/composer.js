// The composer: send and stop by keyboard, begin anew once a question is sent, edit a question or an answer.

import { setImages } from "./images.js";
import { scrollToLatest } from "./scroll.js";

const composer = () => document.getElementById("composer");

document.addEventListener("asked", () => {
  for (const field of composer().querySelectorAll("textarea")) field.value = "";
  setImages([]);
  scrollToLatest();
  document.getElementById("draft")?.focus();
});

document.addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key === "Enter") {
    const edit = event.target.closest(".edit-form");
    if (!edit && !event.target.closest("#composer, #setup-form")) return;
    event.preventDefault();
    const form = edit ?? composer();
    if (edit || document.querySelector("[data-send]")) form?.requestSubmit();
  } else if (control && event.key === ".") {
    document.querySelector("[data-stop]")?.click();
  } else if (event.key === "Escape" && event.target.closest(".edit-form")) {
    event.target.closest(".edit-form").querySelector("[data-cancel]").click();
  }
});

// An edit begins where it can be typed.
document.addEventListener("htmx:finally:request", () => {
  const field = document.querySelector("[data-edit]:not([data-focused])");
  if (!field) return;
  field.dataset.focused = "";
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
});
