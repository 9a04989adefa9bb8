// Of several choices of a card or of a part of the panel the last one counts, whichever answer comes first. What is
// typed meanwhile into the panel that goes is saved before it goes.

import { titleOf } from "./edit.js";
import { autosave } from "./panel.js";

let last = null; // the request of the last choice, until its panel is there
const waiting = []; // resolvers of `settled`

// Once nothing is chosen whose panel is not there yet.
export const settled = () => (last ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve());

const isChoice = (element) => Boolean(element?.matches?.("a[data-card], .panel-tabs > .tab"));

function end() {
  last = null;
  for (const resolve of waiting.splice(0)) resolve();
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (isChoice(ctx.sourceElement)) last = ctx;
});

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (!isChoice(ctx.sourceElement) || (ctx === last && autosave.isSettled)) return;
  event.preventDefault();
  if (ctx === last) saveAndChoose(ctx);
});

async function saveAndChoose(ctx) {
  ctx.isRepeated = true;
  const { id, dataset: { card } } = ctx.sourceElement;
  const taken = await autosave.settled();
  if (ctx !== last) return;
  const link = taken && (card ? titleOf(card) : document.getElementById(id));
  link ? link.click() : end();
}

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx === last && !ctx.isRepeated) end();
});

// Whoever closes the panel waits for no other.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-panel]")) end();
});
