// Several cards at once: by Shift and Ctrl with a click, by Shift with arrows, Space, Ctrl A. What is done to one of
// them is done to all.

import { isEditable, saidNow, say, seenTitles, selected, titleOf } from "./edit.js";

const chosen = new Set();
let anchor = ""; // where a range begins
let end = ""; // and where it ends just now
let done = null; // the first of what the last edit has made
const SAID = ", selected";

const inOrder = () => seenTitles().map((title) => title.dataset.card).filter((id) => chosen.has(id));

const isChosen = (id) => chosen.has(id);
export const hasSeveral = () => chosen.size > 1;
export const chosenNow = () => inOrder();
export const firstDone = () => done;
// What an edit of this card is of.
export const chosenWith = (id) => (chosen.has(id) ? inOrder() : [id]);

export function choose(ids, { quiet = false } = {}) {
  const before = chosen.size;
  chosen.clear();
  for (const id of ids) if (id && id !== "start" && titleOf(id)) chosen.add(id);
  show();
  if (quiet || (chosen.size < 2 && before < 2)) return;
  const one = chosen.size ? "1 action selected" : "Nothing selected";
  say(chosen.size > 1 ? `${chosen.size} actions selected` : one, "heard");
}

export function chooseAll() {
  choose(seenTitles().map((title) => title.dataset.card));
}

// `first` is the card that counts as chosen while none is.
export function toggle(id, first = "") {
  if (id === "start") return;
  const now = new Set(chosen);
  if (!now.size && first) now.add(first).add(id);
  else now.has(id) ? now.delete(id) : now.add(id);
  anchor = end = id;
  choose(now);
}

// `from` is the card that had the focus: a range goes on there, or begins there.
export function extend(id, from) {
  const ids = seenTitles().map((title) => title.dataset.card);
  if (!chosen.size || from !== end || !ids.includes(anchor)) anchor = ids.includes(from) ? from : id;
  end = id;
  const [first, last] = [ids.indexOf(anchor), ids.indexOf(id)];
  choose(ids.slice(Math.min(first, last), Math.max(first, last) + 1));
}

// A card that is gone to by itself is where the next range begins.
function startAt(id) {
  anchor = end = id;
  if (chosen.size) choose([]);
}

function show() {
  const touched = chosen.size ? "[data-card]" : ".is-chosen > .card-head > [data-card]";
  for (const title of document.querySelectorAll(`#flowchart ${touched}`)) {
    const on = chosen.has(title.dataset.card);
    title.closest("article").classList.toggle("is-chosen", on);
    const name = title.getAttribute("aria-label") ?? "";
    const is = name.endsWith(SAID);
    if (on !== is) title.setAttribute("aria-label", on ? name + SAID : name.slice(0, -SAID.length));
  }
  const bar = document.querySelector("[data-selection-bar]");
  if (!bar) return;
  bar.hidden = chosen.size < 2;
  bar.querySelector("[data-count]").textContent = `${chosen.size} selected`;
}

// Ctrl and Shift choose; the card is not opened.
document.addEventListener("click", (event) => {
  const title = event.target.closest?.("#flowchart [data-card]");
  if (!title || event.button || !isEditable) return;
  const id = title.dataset.card;
  if (event.ctrlKey || event.metaKey) toggle(id, selected());
  else if (event.shiftKey) extend(id, document.activeElement.dataset?.card ?? selected());
  else return startAt(id);
  event.preventDefault();
  event.stopImmediatePropagation();
  getSelection()?.removeAllRanges();
  title.focus();
}, true);

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-clear-selection]")) {
    const [first] = inOrder();
    choose([]);
    titleOf(first)?.focus();
  }
});

// A renewed chart shows what is still there, or what the edit has made.
document.addEventListener("htmx:after:swap", () => {
  const now = saidNow();
  if (now) done = now[0];
  if (now) choose(now.length > 1 ? now : [], { quiet: true });
  else if (chosen.size) choose([...chosen], { quiet: true });
  if (now) anchor = end = now[0];
});
