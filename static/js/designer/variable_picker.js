// Insert variable: one list for all fields of the panel, which opens below the field that asks for it: by its button,
// by {{ typed into it, or by Ctrl Space. What is typed on narrows it, and may be a whole expression, too.

import { activate, activeOption, fill, moved } from "../listbox.js";
import { expressionAround, expressionBefore } from "./expressions.js";
import { bestOf, groupsOfRows, splitAtFilter } from "./picker_rows.js";
import { findParts, findValues } from "./values.js";

const NOTHING_YET = "No variable here yet. Declare one above, or add an input in Start.";
const NOT_FOUND = "No value is called that.";

let picking = null; // { button, field, from, to, whole, isTyped, values, open } while the list is open

const pickerOf = () => document.querySelector("[data-picker]");
const findOf = (picker) => picker.querySelector("input");
const buttonOf = (field) => document.querySelector(`[data-insert-into="${CSS.escape(field.id)}"]`);
const isBare = () => "bare" in picking.button.dataset;

let begun = null; // the field in which {{ stands without a choice, until something is typed or it is left

// Whether what is in the field, or in any, waits for a choice.
export function isPicking(field) {
  const waiting = picking?.isTyped ? picking.field : begun;
  return Boolean(waiting) && (!field || field === waiting);
}

// Opens it for the field: what stands from `from` to `to` is replaced, `whole` is the expression that it is, if any.
export async function openPicker(field, { button = buttonOf(field), words = "", isTyped = false, ...place } = {}) {
  closePicker();
  const { selectionStart: from, selectionEnd: to } = field;
  const mine = { button, field, from, to, isTyped, whole: null, isPressed: false, ...place };
  Object.assign(mine, { values: null, open: new Set() });
  picking = mine;
  button.setAttribute("aria-expanded", "true");
  const picker = pickerOf();
  placeBelow(picker, field);
  picker.querySelector(".picker-list").replaceChildren();
  sayNone(picker, "Looking for values…");
  picker.hidden = false;
  findOf(picker).value = words;
  findOf(picker).focus({ preventScroll: true });
  picker.scrollIntoView({ block: "nearest" });
  const values = await findValues();
  if (picking !== mine) return;
  mine.values = values;
  if (values) find(picker);
  picker.scrollIntoView({ block: "nearest" });
  if (values && mine.isEntered) return enter();
  if (!values) sayNone(picker, "No answer came. Close this and try again.");
}

function placeBelow(picker, field) {
  const shown = field.closest("[data-opens-below]") ?? field;
  const top = shown.getBoundingClientRect().bottom - picker.parentElement.getBoundingClientRect().top + 4;
  picker.style.top = `${top}px`;
}

function closePicker() {
  const picker = pickerOf();
  if (picker) picker.hidden = true;
  picking?.button.removeAttribute("aria-expanded");
  const closed = picking;
  picking = null;
  return closed;
}

// ---- the list

let shown = []; // its rows, in the order of their options

function find(picker, keep = "") {
  const words = findOf(picker).value;
  const groups = groupsOfRows(picking.values, picking.button.dataset, words, picking.open);
  shown = groups.flatMap(({ rows }) => rows);
  const list = picker.querySelector(".picker-list");
  let number = 0;
  list.replaceChildren(...groups.map((group, at) => groupElement(group, at, () => number++)));
  const isFound = shown.some(({ value }) => value) || (words.trim() && shown.length);
  sayNone(picker, isFound ? "" : words.trim() ? NOT_FOUND : NOTHING_YET);
  const wanted = shown.find((row) => keep && row.path === keep) ?? chosen() ?? bestOf(shown, words);
  activate(findOf(picker), list, wanted ? optionOf(wanted) : null);
}

// What is typed may lead into a variable whose paths were left out.
async function findWithParts(picker) {
  find(picker);
  const { value: words } = findOf(picker);
  const all = [...picking.values.body, ...picking.values.groups].flatMap(({ values }) => values);
  const into = all.find(({ path, more }) => more && [".", "["].some((sign) => words.trim().startsWith(path + sign)));
  if (into && (await loadParts(into))) find(picker);
}

// Whether the list is still the same one.
async function loadParts(value) {
  const mine = picking;
  value.more = false;
  const parts = await findParts(value.path);
  if (parts) value.parts = parts;
  return picking === mine;
}

// Of an expression that is chosen anew the value that it has.
function chosen() {
  if (!picking.whole || findOf(pickerOf()).value) return null;
  const name = picking.whole.inner.split("|")[0].trim();
  return shown.find((row) => row.path === name && !row.why);
}

const optionOf = (row) => document.getElementById(`picker-${shown.indexOf(row)}`);
const rowOf = (option) => (option ? shown[Number(option.id.replace("picker-", ""))] : null);

function sayNone(picker, words) {
  const none = picker.querySelector(".picker-none");
  none.hidden = !words;
  if (none.textContent !== words) none.textContent = words;
}

const copyOf = (name) => document.getElementById(name).content.firstElementChild.cloneNode(true);

function groupElement({ title, note, unset, rows }, at, next) {
  const group = copyOf("picker-group");
  const head = group.querySelector(".picker-group");
  head.id = `picker-group-${at}`;
  group.setAttribute("aria-labelledby", head.id);
  head.querySelector("b").textContent = title;
  head.querySelector("[data-note]").textContent = note;
  if (!unset) head.querySelector(".picker-unset").remove();
  group.append(...rows.map((row) => optionElement(row, next())));
  return group;
}

function optionElement(row, number) {
  const option = copyOf("picker-option");
  option.id = `picker-${number}`;
  option.querySelector("code").textContent = row.label;
  const { value, filter } = row;
  option.dataset[filter ? "filter" : "path"] = filter ? filter.name : row.path;
  const last = option.querySelector(".picker-last");
  last.textContent = filter ? filter.says : row.why || value.last || "";
  const tag = option.querySelector(".tag");
  tag.querySelector("span").textContent = filter ? "filter" : value.type;
  if (filter || value.type !== "secret") tag.querySelector("svg").remove();
  if (!filter && !value.type) tag.remove();
  const has = { "[data-unset]": value?.unset, "[data-opens]": opens(row), "[data-closed]": opens(row) && !row.isOpen,
    "[data-opened]": opens(row) && row.isOpen };
  for (const [part, stays] of Object.entries(has)) if (!stays) option.querySelector(part)?.remove();
  if (row.depth) option.classList.add(`is-depth-${Math.min(row.depth, 4)}`);
  if (row.isOpen) option.classList.add("is-open");
  if (row.why) option.setAttribute("aria-disabled", "true");
  return option;
}

const opens = ({ value, why }) => Boolean(value && !why && (value.parts?.length || value.more));

async function openRow(row) {
  const picker = pickerOf();
  if (splitAtFilter(findOf(picker).value).term) { // its paths, and nothing else
    findOf(picker).value = `${row.path}${row.value.type === "list" ? "[" : "."}`;
    return findWithParts(picker);
  }
  picking.open.add(row.path);
  if (!row.value.more || (await loadParts(row.value))) find(picker, row.path);
}

function closeRow(row) {
  const at = shown.indexOf(row);
  const parent = row.isOpen ? row : shown.slice(0, at).findLast((each) => each.depth < row.depth);
  if (!parent?.isOpen) return false;
  picking.open.delete(parent.path);
  find(pickerOf(), parent.path);
  return true;
}

// ---- what is put in

function insert(row) {
  const { before } = splitAtFilter(findOf(pickerOf()).value);
  if (!row.filter) return put(row.path);
  putFilter(before, row.filter.written);
}

// The active row, or what was typed where nothing is called that.
function enter() {
  const field = findOf(pickerOf());
  const row = rowOf(activeOption(field));
  if (row) insert(row);
  else if (field.value.trim()) put(field.value.trim());
}

// A secret is one expression and nothing else.
const replacesAll = (field) => "secret" in field.dataset;

// The place is inside of an expression, where a value stands without braces of its own.
const isInside = ({ field, from, whole, isTyped }) =>
  isBare() || (!whole && !isTyped && !replacesAll(field) && Boolean(expressionAround(field.value, from)));

const braced = (expression) => (isBare() ? expression : `{{ ${expression} }}`);

function put(expression) {
  const { field, from, to, whole } = picking;
  const text = isInside(picking) ? expression : braced(expression);
  if (whole) return write(whole.start, whole.end, text);
  return replacesAll(field) ? write(0, field.value.length, text) : write(from, to, text);
}

// Behind the expression that is chosen, that the place is in or that ends there; else in front of a value to come.
function putFilter(before, written) {
  const { field, from, to, whole, isTyped } = picking;
  if (before) return put(`${before} | ${written}`);
  if (whole) return write(whole.start, whole.end, braced(`${whole.inner.trim()} | ${written}`));
  if (isBare()) return write(from, to, `${from ? " " : ""}| ${written}`);
  const here = isTyped ? null : expressionAround(field.value, from) ?? expressionBefore(field.value, from);
  if (here?.inner.trim()) return write(here.start, here.end, braced(`${here.inner.trim()} | ${written}`));
  const start = here ? here.start : from;
  write(start, here ? here.end : to, `{{  | ${written} }}`, start + 3);
  return openPicker(field);
}

function write(from, to, text, caret = from + text.length) {
  const { field } = closePicker();
  fill(field, () => {
    field.setSelectionRange(from, to);
    // As if it had been typed, so that the browser can undo it.
    if (!document.execCommand("insertText", false, text)) field.setRangeText(text, from, to, "end");
    field.setSelectionRange(caret, caret);
  });
}

// Goes on in the field with what was typed here.
function typeOn(text) {
  const { from, to, isTyped } = picking;
  if (isTyped) return write(from, to, `{{${text}`);
  return write(from, to, isBare() ? text : `{{ ${text.trim()}`);
}

function leave() {
  const { button, field, to, isPressed, isTyped } = closePicker();
  if (isPressed) return button.focus();
  if (isTyped) begun = field;
  field.focus();
  field.setSelectionRange(to, to);
}

// ---- how it opens

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert-into]");
  if (button) {
    if (button === picking?.button) return closePicker();
    return openPicker(document.getElementById(button.dataset.insertInto), { button, isPressed: true });
  }
  const option = event.target.closest("[data-picker] [role=option]:not([aria-disabled=true])");
  if (option && event.target.closest("[data-opens]")) {
    const row = rowOf(option);
    return row.isOpen ? closeRow(row) : openRow(row);
  }
  if (option) insert(rowOf(option));
  else if (picking && !event.target.closest("[data-picker]")) closePicker();
});

document.addEventListener("mousedown", (event) => {
  // The focus stays where the keys are heard.
  if (event.target.closest("[data-picker]") && !event.target.matches("input")) event.preventDefault();
});

document.addEventListener("input", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (picker && picking) {
    if (/\}\}\s*$/.test(event.target.value)) return typeOn(event.target.value);
    return picking.values && findWithParts(picker);
  }
  const field = event.target;
  if (field === begun) begun = null;
  if (!event.isTrusted || event.inputType === "deleteContentBackward" || !field.id || !buttonOf(field)) return;
  const place = field.selectionStart;
  if (place === field.selectionEnd && field.value.slice(0, place).endsWith("{{")) {
    openPicker(field, { from: place - 2, to: place, isTyped: true });
  }
});

// A field that waits for a choice is not left yet.
document.addEventListener("change", (event) => {
  if (isPicking(event.target)) event.stopImmediatePropagation();
}, true);

// Before the keys of the chart and of the panel.
document.addEventListener("keydown", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (!picker) return fieldKey(event);
  if (event.isComposing || !picking || moved(event, picker)) return;
  const row = rowOf(activeOption(event.target));
  const stay = () => { event.preventDefault(); event.stopPropagation(); };
  const { value, selectionStart } = event.target;
  if (event.key === "Enter") {
    stay();
    if (picking.values) enter();
    else picking.isEntered = true; // before there was an answer
  } else if (event.key === "Escape" || (event.key === "Backspace" && !value && picking.isTyped)) {
    stay();
    leave();
  } else if (event.key === "ArrowRight" && row && opens(row) && !row.isOpen && selectionStart === value.length) {
    stay();
    openRow(row);
  } else if (event.key === "ArrowLeft" && row && !value && closeRow(row)) {
    stay();
  }
}, true);

function fieldKey(event) {
  if (event.key !== " " || !event.ctrlKey || !event.target.id) return;
  const field = event.target;
  if (!buttonOf(field) || field.disabled) return;
  event.preventDefault();
  event.stopPropagation();
  const before = field.value.slice(0, field.selectionStart);
  const inside = "bare" in buttonOf(field).dataset || expressionAround(field.value, before.length);
  const words = inside ? before.match(/[\w.]*$/)[0] : "";
  openPicker(field, { words, from: before.length - words.length });
}

document.addEventListener("focusout", (event) => {
  if (begun && event.target === begun && !picking) {
    begun = null;
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const picker = event.target.closest("[data-picker]");
  const to = event.relatedTarget;
  if (picker && to && picking && !picker.contains(to) && to !== picking.button) closePicker();
});

document.addEventListener("pointermove", (event) => {
  const option = event.target.closest("[data-picker] [role=option]:not([aria-disabled=true])");
  if (option) activate(findOf(pickerOf()), pickerOf(), option);
});

// The panel may have been renewed, and the field with it.
document.addEventListener("htmx:after:swap", () => {
  if (picking && (!picking.field.isConnected || pickerOf()?.hidden)) closePicker();
});
