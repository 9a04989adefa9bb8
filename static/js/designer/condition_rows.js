// Conditions as rows: value, comparison, value. Rows write the one expression below them, which is what is saved; where
// that is typed, the server says which rows it has (flows/language/condition_rows.py).

import { fetchPart } from "../session.js";

const PAUSE = 400; // ms after the last key in the expression
const timers = new Map(); // by id of the field

const boxOf = (element) => element.closest?.("[data-conditions]");
const fieldOf = (box) => document.getElementById(box.dataset.conditions);
const boxFor = (field) => document.querySelector(`[data-conditions="${CSS.escape(field.id)}"]`);
const rowsOf = (box) => [...box.querySelectorAll(".condition-row")];
const partOf = (row, name) => row.querySelector(`[data-condition=${name}]`);
const writtenOf = (row) => partOf(row, "comparison").selectedOptions[0].dataset.written;

// ---- from rows to the expression

function write(box) {
  const rows = rowsOf(box);
  const parts = rows.map((row) => expressionOf(row, box)).filter(Boolean);
  const joined = box.querySelector("[data-condition-joined]");
  joined.closest("label").hidden = rows.length < 2;
  const expression = parts.join(` ${joined.value} `);
  const field = fieldOf(box);
  if (field.value === expression) return;
  field.value = expression;
  field.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "rows" }));
}

// Nothing for a row that is not filled in yet.
function expressionOf(row, box) {
  const written = writtenOf(row);
  const left = operand(partOf(row, "left").value.trim(), written);
  const right = written.includes("{right}") ? sourceOf(partOf(row, "right").value.trim(), box) : " ";
  if (!left || !right) return "";
  return written.replace("{left}", () => left).replace("{right}", () => operand(right, written));
}

// With brackets around what would be read together with what stands beside it.
function operand(text, written) {
  const plain = text.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, "''");
  const joins = /\b(and|or|not|if|in|is)\b|[<>]|[=!]=/.test(plain) || (/ is /.test(written) && /[-+*/%~]/.test(plain));
  return joins && !isWrapped(plain) ? `(${text})` : text;
}

function isWrapped(plain) {
  if (!plain.startsWith("(") || !plain.endsWith(")")) return false;
  let depth = 0;
  return [...plain].every((sign, at) => {
    depth += (sign === "(") - (sign === ")");
    return depth > 0 || at === plain.length - 1;
  });
}

// Text needs no quotes: what is neither a number nor begins with a variable is one.
function sourceOf(typed, box) {
  if (!typed || /^(-?\d+(\.\d+)?|true|false|none|["'[{(].*)$/s.test(typed)) return typed;
  const name = typed.match(/^[A-Za-z_]\w*(?=$|[.[|]|\s*[|+\-*/%~])/)?.[0];
  return name && box.dataset.names.split(" ").includes(name) ? typed : JSON.stringify(typed);
}

// ---- rows

function showParts(row) {
  row.querySelector(".is-right").hidden = !writtenOf(row).includes("{right}");
}

// What Insert variable of the expression offers, its rows do.
function prepare(box) {
  const main = document.querySelector(`.insert-variable[data-insert-into="${CSS.escape(box.dataset.conditions)}"]`);
  for (const button of box.querySelectorAll("[data-insert-into]")) {
    if (main && "withBody" in main.dataset) button.dataset.withBody = "";
  }
  rowsOf(box).forEach(showParts);
}

let made = 0;
function add(box) {
  const row = document.getElementById("condition-row").content.firstElementChild.cloneNode(true);
  const id = `${box.dataset.conditions}-new-${(made += 1)}`;
  for (const side of ["left", "right"]) {
    partOf(row, side).id = `${id}-${side}`;
    row.querySelector(`[data-insert-into=new-${side}]`).dataset.insertInto = `${id}-${side}`;
  }
  box.querySelector(".condition-list").append(row);
  prepare(box);
  box.querySelector("[data-condition-joined]").closest("label").hidden = rowsOf(box).length < 2;
  partOf(row, "left").focus();
}

function remove(row, box) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  write(box);
  (next ? partOf(next, "left") : box.querySelector("[data-condition-add]")).focus();
}

document.addEventListener("click", (event) => {
  const box = boxOf(event.target);
  if (!box) return;
  if (event.target.closest("[data-condition-add]")) add(box);
  if (event.target.closest("[data-condition-remove]")) remove(event.target.closest(".condition-row"), box);
});

document.addEventListener("input", (event) => {
  const box = boxOf(event.target);
  if (box) {
    const row = event.target.closest(".condition-row");
    if (row) showParts(row);
    return write(box);
  }
  const own = event.detail !== "rows" && event.target.id && boxFor(event.target);
  if (own) renewSoon(own);
});

// ---- from the expression to rows

function renewSoon(box) {
  const id = box.dataset.conditions;
  clearTimeout(timers.get(id));
  timers.set(id, setTimeout(() => renew(id), PAUSE));
}

async function renew(id) {
  const field = document.getElementById(id);
  const expression = field?.value ?? "";
  const { conditionsUrl } = document.querySelector("[data-designer]").dataset;
  const answer = await fetchPart(`${conditionsUrl}?${new URLSearchParams({ expression, target: id })}`);
  const box = field && boxFor(field);
  if (!answer.ok || !box || field.value !== expression || box.contains(document.activeElement)) return;
  const parsed = document.createElement("template");
  parsed.innerHTML = await answer.text();
  box.replaceChildren(...parsed.content.children);
  prepare(box);
}

const prepareAll = () => document.querySelectorAll("[data-conditions]").forEach(prepare);
document.addEventListener("htmx:after:swap", prepareAll);
prepareAll();
