// Containers that are collapsed on this browser, by flow. The document knows nothing of it.

import { designer, titleOf } from "./edit.js";
import { whenChartChanges } from "./swaps.js";

const STORED = `folded:${designer.dataset.flow}`;
const folded = new Set(JSON.parse(localStorage.getItem(STORED) ?? "[]"));

const containers = () => document.querySelectorAll("#flowchart .container:has(> .lanes)");
const idOf = (article) => article.querySelector("[data-card]")?.dataset.card;

function show() {
  for (const article of containers()) {
    const isFolded = folded.has(idOf(article));
    article.classList.toggle("is-folded", isFolded);
    const button = article.querySelector(":scope > .card-head [data-fold]");
    if (!button) continue;
    button.setAttribute("aria-expanded", String(!isFolded));
    button.title = isFolded ? "Expand" : "Collapse";
    const count = article.querySelectorAll(":scope > .lanes [data-card]").length;
    button.querySelector("[data-fold-count]").textContent = isFolded ? `${count} inside` : "";
  }
}

export function fold(id, isFolded) {
  if (isFolded === folded.has(id)) return;
  isFolded ? folded.add(id) : folded.delete(id);
  localStorage.setItem(STORED, JSON.stringify([...folded]));
  show();
}

export const isFolded = (id) => folded.has(id);

// So that a card can be seen that is inside.
export function unfoldAround(id) {
  for (let article = titleOf(id)?.closest("article"); article; article = article.parentElement.closest("article")) {
    if (idOf(article) !== id) fold(idOf(article), false);
  }
}

export function foldAll(isFolded) {
  for (const article of containers()) fold(idOf(article), isFolded);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const id = idOf(button.closest("article"));
  fold(id, !folded.has(id));
});
whenChartChanges(show);
show();
