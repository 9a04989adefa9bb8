// Of several choices of a card or of a part of the panel the last one counts, whichever answer comes first. What is
// typed meanwhile into the panel that goes is saved before it goes.

import { titleOf } from "./edit.js";
import { autosave } from "./panel.js";

let last = null; // the request of the last choice

const isChoice = (element) => Boolean(element?.matches?.("a[data-card], .panel-tabs > .tab"));

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (isChoice(ctx.sourceElement)) last = ctx;
});

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (!isChoice(ctx.sourceElement) || (ctx === last && autosave.isSettled)) return;
  event.preventDefault();
  if (ctx !== last) return;
  const { id, dataset: { card } } = ctx.sourceElement;
  autosave.settled().then((taken) => {
    if (taken && ctx === last) (card ? titleOf(card) : document.getElementById(id))?.click();
  });
});

// Whoever closes the panel waits for no other.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-panel]")) last = null;
});
