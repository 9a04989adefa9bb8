// The property panel saves as you go: 600 ms after the last key, at once when a field is left. One save at a
// time; what was typed meanwhile goes with the next. Each save names the newest revision this page has seen.

const PAUSE = 600;
let timer = 0;
let saving = false;
let dirty = false;
let unheard = false; // the server did not answer the last save

const form = () => document.getElementById("properties-form");
const ours = (element) => element?.form?.id === "properties-form";
const say = (words) => {
  const saved = document.querySelector("[data-saved]");
  if (saved) saved.textContent = words;
};

function save() {
  clearTimeout(timer);
  if (!dirty || !form()) return;
  if (saving) return;
  const newest = document.getElementById("base")?.value;
  if (newest) form().elements.base.value = newest;
  dirty = unheard = false;
  saving = true;
  say("Saving…");
  htmx.trigger(form(), "save-now");
}

export const isSettled = () => !saving && (!form() || (!dirty && !unheard));

// Once nothing typed is on its way: whether all of it was taken.
export function settled() {
  if (unheard) dirty = true;
  if (dirty) save();
  if (!saving) return Promise.resolve(true);
  return new Promise((done) => document.addEventListener("panel-settled", (event) => done(event.detail), { once: true }));
}
const settle = (taken) => document.dispatchEvent(new CustomEvent("panel-settled", { detail: taken }));

// A literal secret is stored now; it does not stay in the page.
function forgetSecrets() {
  for (const field of form()?.elements ?? []) {
    if (!("secret" in field.dataset) || !field.value || field.value.includes("{{")) continue;
    field.value = "";
    field.placeholder = "stored · blank keeps it";
  }
}

// Half a key is no key: a secret is saved when its field is left.
function isSecret(field) {
  const type = field.closest(".variable-row")?.querySelector("select")?.value;
  return type ? type === "secret" && /-(value|default)$/.test(field.name) : "secret" in field.dataset;
}

document.addEventListener("input", (event) => {
  if (!ours(event.target)) return;
  dirty = true;
  clearTimeout(timer);
  if (!isSecret(event.target)) timer = setTimeout(save, PAUSE);
});
document.addEventListener("change", (event) => {
  if (!ours(event.target)) return;
  // A text has said so with its last key; saving it again would renew what is being clicked now.
  if (event.target.matches("select, [type=checkbox]")) dirty = true;
  save();
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "properties-form") return;
  event.preventDefault();
  const mine = event.submitter?.matches("[data-keep-mine]") ? event.submitter.value : "";
  if (mine) document.getElementById("base").value = mine;
  dirty = true;
  save();
});
window.addEventListener("beforeunload", (event) => {
  if (!isSettled()) event.preventDefault();
});

document.addEventListener("htmx:finally:request", (event) => {
  if (event.target.id !== "properties-form" && event.detail?.ctx?.sourceElement?.id !== "properties-form") return;
  saving = false;
  const taken = event.detail?.ctx?.response?.status === 200;
  if (taken && !dirty) forgetSecrets();
  if (dirty) save();
  else settle(taken);
});
document.addEventListener("htmx:error", () => {
  if (!saving) return;
  saving = false;
  unheard = true;
  settle(false);
  say("Not saved: the server did not answer");
});

document.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert-variable]");
  if (!insert) return;
  const field = document.getElementById(insert.dataset.into);
  insert.closest("details").open = false;
  field.focus();
  field.setRangeText(`{{ ${insert.dataset.insertVariable} }}`, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// Create New Connection: the form opens in place and stays as typed until the panel changes.
async function toggleNewConnection(toggle) {
  const place = document.getElementById("new-connection");
  place.hidden = !toggle.checked;
  if (toggle.checked && !place.childElementCount) {
    await htmx.ajax("GET", toggle.dataset.newConnection, { target: place, swap: "innerHTML" });
  }
  if (toggle.checked) place.querySelector("input:not([type=hidden])")?.focus();
  else toggle.focus();
}
function foldNewConnection() {
  const toggle = document.querySelector("[data-new-connection]");
  if (!toggle?.checked) return;
  toggle.checked = false;
  toggleNewConnection(toggle);
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-new-connection]")) toggleNewConnection(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest("#new-connection")) {
    event.preventDefault();
    foldNewConnection();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#new-connection [data-cancel]")) return;
  event.preventDefault();
  foldNewConnection();
});
document.addEventListener("connection-created", async (event) => {
  const { name } = event.detail;
  const { base } = document.querySelector("[data-designer]").dataset;
  const action = document.getElementById("panel").dataset.panel;
  const url = `${base}actions/${encodeURIComponent(action)}/connection/?name=${encodeURIComponent(name)}`;
  await htmx.ajax("GET", url, { source: document.body, swap: "none" });
  document.getElementById("new-connection").replaceChildren();
  foldNewConnection();
  const select = document.getElementById("property-connection");
  select.focus();
  select.dispatchEvent(new Event("change", { bubbles: true }));
});
