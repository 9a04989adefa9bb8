// The form of a JSON Schema: rows for what most schemas have, written into the text beside it, which is what is saved.
// Rows change the parsed text where they stand for something and leave everything else, so that nothing gets lost.

import * as schema from "./schema_model.js";

const TEXT = "[data-schema-text]";
const views = new Map(); // id of the text -> "form" or "text", as the person has chosen
const drawn = new WeakMap(); // form -> the text that it shows
const copyOf = (name) => document.getElementById(name).content.firstElementChild.cloneNode(true);

const fields = () => document.querySelectorAll("[data-schema]");
const textOf = (field) => field.querySelector(TEXT);
const isNamed = (field) => "named" in field.dataset;

function show(field) {
  const text = textOf(field);
  const form = field.querySelector("[data-schema-form]");
  const wanted = views.get(text.id) ?? (schema.parse(text.value) ? "form" : "text");
  for (const button of field.querySelectorAll("[data-schema-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.schemaView === wanted));
  }
  form.hidden = wanted !== "form";
  text.hidden = wanted === "form";
  if (wanted === "form") draw(field, form);
}

function draw(field, form) {
  const text = textOf(field);
  if (drawn.get(form) === text.value && form.childElementCount) return;
  drawn.set(form, text.value);
  const document = schema.parse(text.value.trim() ? text.value : JSON.stringify(schema.fresh(isNamed(field))));
  if (!document) return form.replaceChildren(hint("The text is not JSON yet. Correct it in the text view."));
  const write = () => {
    text.value = JSON.stringify(document, null, 2);
    drawn.set(form, text.value);
    text.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const redraw = () => {
    write();
    drawn.delete(form);
    draw(field, form);
  };
  const context = { write, redraw, ...schema.open(document) };
  if (!context.root) return form.replaceChildren(hint("This is no schema of an object. It stands in the text view."));
  form.replaceChildren(...(context.answer ? [answerRow(context)] : []), objectRows(context.root, context));
}

function hint(words) {
  const made = document.createElement("p");
  made.className = "field-hint";
  made.textContent = words;
  return made;
}

// ---- name and strictness

function answerRow({ answer, root, write, redraw }) {
  const row = copyOf("schema-answer");
  const [name, strict] = row.querySelectorAll("[data-answer]");
  name.value = answer.name ?? "";
  name.addEventListener("input", () => {
    answer.name = name.value.trim();
    write();
  });
  strict.checked = answer.strict === true;
  strict.addEventListener("change", () => {
    answer.strict = strict.checked;
    if (strict.checked) schema.makeStrict(root);
    redraw();
  });
  return row;
}

// ---- the properties of an object

function objectRows(object, context) {
  const box = copyOf("schema-object");
  const names = Object.keys(object.properties ?? {});
  const add = box.querySelector("[data-schema-add]");
  box.querySelector("ol").append(...names.map((name) => propertyRow(object, name, context, add)));
  add.addEventListener("click", () => {
    const made = schema.addProperty(object, context.answer?.strict === true);
    const row = propertyRow(object, made, context, add);
    box.querySelector("ol").append(row);
    context.write();
    row.querySelector("[data-part=name]").select();
  });
  return box;
}

function propertyRow(object, name, context, add) {
  const row = copyOf("schema-row");
  const part = (which) => row.querySelector(`[data-part=${which}]`);
  const state = { name };
  const own = () => object.properties[state.name];
  const label = () => {
    row.setAttribute("aria-label", state.name);
    row.querySelector("[data-schema-remove]").setAttribute("aria-label", `Remove ${state.name}`);
  };
  label();
  part("name").value = name;
  part("name").addEventListener("input", ({ target }) => {
    const wanted = target.value.trim();
    const isFree = wanted && (wanted === state.name || !(wanted in object.properties));
    target.setAttribute("aria-invalid", String(!isFree));
    if (!isFree || wanted === state.name) return;
    schema.rename(object, state.name, wanted);
    state.name = wanted;
    label();
    context.write();
  });
  part("description").value = own().description ?? "";
  part("description").addEventListener("input", ({ target }) => {
    schema.put(own(), "description", target.value);
    context.write();
  });
  part("required").checked = (object.required ?? []).includes(name);
  part("required").addEventListener("change", ({ target }) => {
    schema.setRequired(object, state.name, target.checked);
    context.write();
  });
  row.querySelector("[data-schema-remove]").addEventListener("click", () => {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    schema.remove(object, state.name);
    row.remove();
    context.write();
    (next?.querySelector("[data-part=name]") ?? add).focus();
  });
  typeOf(row, own, context);
  return row;
}

// What depends on the type: allowed values, items, what is inside.
function typeOf(row, own, context) {
  const [type, items, values] = ["type", "items", "enum"].map((which) => row.querySelector(`[data-part=${which}]`));
  const fill = () => {
    const of = schema.typeOf(own());
    type.value = of;
    values.hidden = !["string", "number", "integer"].includes(of) || !schema.isPlainEnum(own());
    values.value = (own().enum ?? []).filter((value) => value !== null).join(", ");
    row.querySelector(".schema-items").hidden = of !== "array";
    items.value = of === "array" ? schema.typeOf(own().items ?? {}) : "";
    const inner = schema.objectInside(own());
    row.querySelector("[data-schema-inside]").replaceChildren(...(inner ? [objectRows(inner, context)] : []));
    const more = schema.others(own()).join(", ");
    row.querySelector("[data-schema-more]").textContent = more ? `In the text view, too: ${more}.` : "";
  };
  const changed = (change) => ({ target }) => {
    change(target.value);
    context.write();
    fill();
  };
  type.addEventListener("change", changed((value) => schema.setType(own(), value, context.answer?.strict === true)));
  items.addEventListener("change", changed((value) => {
    own().items ??= {};
    schema.setType(own().items, value, context.answer?.strict === true);
  }));
  values.addEventListener("input", ({ target }) => {
    schema.setEnum(own(), target.value);
    context.write();
  });
  fill();
}

// ---- views

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-schema-view]");
  if (!button) return;
  const field = button.closest("[data-schema]");
  views.set(textOf(field).id, button.dataset.schemaView);
  show(field);
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-schema-kind]") || event.target.value !== "schema") return;
  const field = event.target.closest("[data-schema]");
  const text = textOf(field);
  if (!text.value.trim()) text.value = JSON.stringify(schema.fresh(isNamed(field)), null, 2);
  show(field);
}, true);

// What was typed into the text, or into the large editor for it.
document.addEventListener("input", (event) => {
  if (event.target.matches(TEXT)) show(event.target.closest("[data-schema]"));
});
const showAll = () => fields().forEach(show);
document.addEventListener("htmx:after:swap", showAll);
showAll();
