// Variables in a prompt look like chips: what stands below the text of the field, which is the text that is saved,
// draws its expressions. A chip is taken whole: Backspace selects it and again removes it, Enter opens the picker at
// it.

import { expressionAfter, expressionAround, expressionBefore, expressionsIn } from "./expressions.js";
import { openPicker } from "./variable_picker.js";

const FIELDS = "textarea[data-chips]";
const drawn = new WeakMap(); // field -> what its view shows
const viewOf = (field) => field.parentElement.querySelector(".chip-view");

// Braces and the blanks beside them take their room, but are not seen.
function chipOf(raw) {
  const [before] = raw.match(/^\{\{-?\s*/);
  const [behind] = raw.slice(before.length).match(/\s*-?\}\}$/) ?? ["}}"];
  const place = document.createElement("span");
  place.className = "value-place";
  const chip = document.createElement("span");
  chip.className = "value-chip";
  Object.assign(place.dataset, { before, behind });
  chip.textContent = raw.slice(before.length, raw.length - behind.length);
  place.append(chip);
  return place;
}

function partsOf(text) {
  const parts = [];
  let at = 0;
  for (const { start, end, isClosed } of expressionsIn(text)) {
    parts.push(text.slice(at, start));
    const begun = document.createElement("span");
    begun.className = "value-begun";
    begun.textContent = text.slice(start, end);
    parts.push(isClosed ? chipOf(text.slice(start, end)) : begun);
    at = end;
  }
  // A line break at the very end has no line without something behind it.
  return [...parts, `${text.slice(at)}\u200b`];
}

function draw(field) {
  const view = viewOf(field);
  if (!view) return;
  const text = field.value;
  if (drawn.get(field) !== text || !view.childNodes.length) {
    view.replaceChildren(...(text ? partsOf(text) : []));
    drawn.set(field, text);
    sizes.observe(field);
  }
}

// A bar for scrolling takes its width of both.
function fit(field) {
  const bar = field.offsetWidth - field.clientWidth - 2;
  viewOf(field).style.setProperty("--bar", `${Math.max(bar, 0)}px`);
  viewOf(field).scrollTop = field.scrollTop;
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.isConnected && viewOf(target)) fit(target);
});

// What is measured waits for the frame: asked for at once, the whole chart would be laid out once more.
function drawAll() {
  const fields = [...document.querySelectorAll(FIELDS)];
  fields.forEach(draw);
  requestAnimationFrame(() => fields.filter((field) => field.isConnected && viewOf(field)).forEach(fit));
}

document.addEventListener("input", (event) => {
  if (!event.target.matches(FIELDS) || !viewOf(event.target)) return;
  draw(event.target);
  fit(event.target);
});
document.addEventListener("scroll", (event) => { if (event.target.matches?.(FIELDS)) fit(event.target); }, true);
document.addEventListener("htmx:after:swap", drawAll);
drawAll();

const select = ({ start, end }, field) => field.setSelectionRange(start, end);

function key(event) {
  const field = event.target;
  if (!field.matches?.(FIELDS) || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { value, selectionStart: from, selectionEnd: to } = field;
  const isNear = { Backspace: expressionBefore, Delete: expressionAfter }[event.key];
  const near = isNear && from === to ? isNear(value, from) : null;
  if (near) {
    event.preventDefault();
    return select(near, field);
  }
  if (event.key !== "Enter" || event.shiftKey) return;
  const whole = expressionAround(value, Math.min(from + 2, to));
  const isSelected = from === whole?.start && to === whole?.end;
  if (!whole?.isClosed || (from !== to && !isSelected)) return;
  event.preventDefault();
  openPicker(field, { whole, from: whole.start, to: whole.end });
}
document.addEventListener("keydown", key);

document.addEventListener("dblclick", (event) => {
  const field = event.target;
  const whole = field.matches?.(FIELDS) && expressionAround(field.value, field.selectionStart);
  if (whole?.isClosed) select(whole, field);
});

// The chip that is selected as a whole.
document.addEventListener("selectionchange", () => {
  const field = document.activeElement;
  for (const chip of document.querySelectorAll(".value-chip.is-chosen")) chip.classList.remove("is-chosen");
  if (!field?.matches?.(FIELDS)) return;
  const at = expressionsIn(field.value).filter(({ isClosed }) => isClosed)
    .findIndex(({ start, end }) => start === field.selectionStart && end === field.selectionEnd);
  if (at >= 0) viewOf(field).querySelectorAll(".value-chip")[at]?.classList.add("is-chosen");
});
