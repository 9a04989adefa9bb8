// Go to: Ctrl K opens a field that leads anywhere. The server finds; Enter takes the first place, or the active one.

import "./keys.js";
import { activateFirst, activeOption } from "./listbox.js";

const dialog = document.getElementById("go-to");
const field = document.querySelector("[data-go-field]");
let isStale = true; // the list is not that of the words in the field
let enter = false; // pressed before the list came

function openGoTo() {
  if (!dialog) return field?.focus();
  if (dialog.open) return;
  dialog.showModal();
  field.select();
  isStale = true;
  htmx.trigger(field, "show-results");
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-go-to]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openGoTo();
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  openGoTo();
});
field?.addEventListener("input", () => {
  isStale = true;
  enter = false;
});
field?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !isStale) return;
  event.preventDefault();
  enter = true;
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== field) return;
  isStale = new URL(ctx.request.action, location.href).searchParams.get("q") !== field.value;
  if (isStale) return;
  activateFirst(field);
  if (enter) activeOption(field)?.click();
  enter = false;
});
