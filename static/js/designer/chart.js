// The flowchart by mouse and keyboard: choose, insert, move, undo. Every edit is one POST that names the
// revision it was made on; the server answers with the regions to renew.

import { leavingLink } from "../autosave.js";
import { isTyping, singleKeys } from "../keys.js";
import { closeInsertMenu, emptyToolboxSearch, findAction, openInsertMenu } from "./insert.js";
import { autosave } from "./panel.js";

const designer = document.querySelector("[data-designer]");
const changeUrl = (id, verb) =>
  designer.dataset.changeUrl.replace("VERB", verb).replace("ACTION", encodeURIComponent(id));
const editable = "editable" in designer.dataset;
let wanted = null; // the card that gets focus once the chart is renewed
let entered = null; // the card whose panel gets it once it is there

const selected = () => document.getElementById("panel")?.dataset.panel || "";
const titleOf = (id) => document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`);
const titles = () => [...document.querySelectorAll("#flowchart [data-card]")];

// One edit at a time, so that each is made on what the one before has made of the page.
let posted = Promise.resolve();
function post(url, values = {}) {
  const send = async () => {
    await autosave.settled();
    const edit = document.getElementById("flow-edit");
    const shown = { action: selected(), new_action: document.getElementById("new-action")?.value ?? "" };
    return htmx.ajax("POST", url, { source: edit, swap: "none", values: { ...shown, ...values } });
  };
  posted = posted.then(send, send);
  return posted;
}

const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
const isCovered = () => Boolean(selected()) && !isSeen(document.querySelector("[data-chart]"));

const choose = (id) => titleOf(id)?.click();

function mark(id) {
  for (const title of titles()) {
    const on = title.dataset.card === id;
    title.closest("article").classList.toggle("is-selected", on);
    on ? title.setAttribute("aria-current", "true") : title.removeAttribute("aria-current");
  }
}

// Menus are filled when they open, so that a chart of a hundred cards stays light.
document.addEventListener("toggle", (event) => {
  const list = event.target.open && event.target.querySelector?.("[data-action-menu]");
  if (!list || list.childElementCount) return;
  list.append(document.getElementById("action-menu").content.cloneNode(true));
  for (const item of list.children) item.dataset.on = list.dataset.actionMenu;
}, true);

// Links to another card or page wait until what is typed in the panel is saved, and go nowhere when it is refused or
// the server does not answer. A second press does not wait.
document.addEventListener("click", (event) => {
  const link = leavingLink(event);
  const leave = (taken) => {
    if (taken) link.isConnected ? link.click() : choose(link.dataset.card ?? link.dataset.go);
  };
  if (link && autosave.holds(event, leave)) event.stopImmediatePropagation();
}, true);

document.addEventListener("click", (event) => {
  const target = event.target;
  const place = target.closest("[data-place], [data-add-action]");
  if (place) return openInsertMenu(place);
  const type = target.closest("[data-insert-type]");
  if (type && editable) {
    event.preventDefault();
    const { owner, branch, at, insertType } = type.dataset;
    const after = selected() && selected() !== "start" ? selected() : "";
    const where = at !== undefined ? { owner, branch, at } : selected() === "start" ? { at: 0 } : { after };
    closeInsertMenu();
    emptyToolboxSearch();
    wanted = "selected";
    return post(designer.dataset.insertUrl, { type: insertType, ...where });
  }
  if (target.closest("[data-insert-menu]")) return;
  closeInsertMenu();
  const verb = target.closest("[data-verb]");
  if (verb) {
    const id = verb.dataset.on || selected();
    wanted = verb.dataset.on ? id : null;
    return post(changeUrl(id, verb.dataset.verb), { branch: verb.dataset.branch || "" });
  }
  const step = target.closest("[data-undo], [data-redo]");
  if (step) {
    event.preventDefault();
    return post(step.formAction);
  }
  const card = target.closest("#flowchart [data-card]");
  if (card) return mark(card.dataset.card);
  if (target.closest("[data-close-panel]")) {
    event.preventDefault();
    return closePanel();
  }
  const go = target.closest("[data-go]");
  if (go) {
    event.preventDefault();
    wanted = null;
    goTo(go.dataset.go, go.dataset.property);
  }
});

function goTo(id, property) {
  const field = () => document.getElementById(`property-${property}`) || document.getElementById("panel-title");
  const show = () => field()?.focus();
  if (selected() === id) return show();
  document.addEventListener("htmx:finally:request", show, { once: true });
  choose(id);
}

async function closePanel() {
  await autosave.settled();
  const id = selected();
  const panel = document.getElementById("panel");
  const left = panel.querySelector("#new-action")?.value;
  const empty = document.createElement("aside");
  empty.id = "panel";
  empty.className = "panel is-empty";
  empty.setAttribute("aria-label", "Property panel");
  panel.replaceWith(empty);
  history.pushState(null, "", location.pathname);
  mark("");
  if (left) {
    const url = `${location.pathname}?new_action=${encodeURIComponent(left)}`;
    htmx.ajax("GET", url, { source: document.body, swap: "none" });
  }
  titleOf(id)?.focus();
}

function enterPanel(id) {
  if (selected() === id) return focusPanel();
  entered = id;
  choose(id);
}

function focusPanel() {
  const panel = document.getElementById("panel");
  const fields = panel.querySelectorAll(":is(input, select, textarea):enabled:not([type=hidden])");
  const first = [...fields].find((field) => field.checkVisibility());
  (first ?? panel.querySelector("[data-close-panel]"))?.focus();
}

// Back to the card; where the panel covers the chart, it closes.
function leavePanel() {
  const title = titleOf(selected());
  title && isSeen(title) ? title.focus() : closePanel();
}

function walk(from, by) {
  const all = titles();
  all[Math.min(Math.max(all.indexOf(from) + by, 0), all.length - 1)]?.focus();
}

const inwards = (title) => title.closest("article").querySelector(":scope .lanes [data-card]");
const outwards = (title) => title.closest("article").parentElement.closest("article")?.querySelector("[data-card]");

function cardKey(event, title) {
  const id = title.dataset.card;
  const act = (verb) => {
    event.preventDefault();
    wanted = id;
    if (editable && id !== "start") post(changeUrl(id, verb));
  };
  const go = (move) => { event.preventDefault(); move(); };
  if (event.altKey) {
    const verb = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "into", ArrowLeft: "out" }[event.key];
    if (verb) act(verb);
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "d") return act("duplicate");
  switch (event.key) {
    case "ArrowDown": return go(() => walk(title, 1));
    case "ArrowUp": return go(() => walk(title, -1));
    case "ArrowRight": return go(() => inwards(title)?.focus());
    case "ArrowLeft": return go(() => outwards(title)?.focus());
    case "Enter":
      return event.ctrlKey || event.metaKey || event.shiftKey ? undefined : go(() => enterPanel(id));
    case "Escape":
      return selected() && !document.querySelector("[data-insert-menu]") ? closePanel() : undefined;
    case "Delete":
    case "Backspace":
      walk(title, -1);
      return act("remove");
  }
}

document.addEventListener("keydown", (event) => {
  const typing = isTyping(event.target);
  const control = event.ctrlKey || event.metaKey;
  if (event.target.matches("#flowchart [data-card]")) cardKey(event, event.target);
  if (event.defaultPrevented) return;
  if (event.key === "Escape") {
    const closed = closeInsertMenu();
    if (closed) return closed.focus();
    if (event.target.closest("#panel") && !event.target.closest("details.menu[open], #new-connection")) {
      return leavePanel();
    }
  }
  if (control && event.key === "Enter") {
    event.preventDefault();
    document.querySelector("[data-run]")?.click();
  } else if (control && event.key.toLowerCase() === "z" && !typing) {
    event.preventDefault();
    document.querySelector(event.shiftKey ? "[data-redo]" : "[data-undo]")?.click();
  } else if (event.key === "/" && !typing && !control && editable && singleKeys()) {
    event.preventDefault();
    findAction();
  }
});

document.addEventListener("htmx:finally:request", () => {
  mark(selected());
  if (entered !== null && entered === selected()) {
    entered = null;
    focusPanel();
  }
  if (wanted !== null) {
    titleOf(wanted === "selected" ? selected() : wanted)?.focus();
    wanted = null;
  }
  const active = document.activeElement;
  if (isCovered() && (active === document.body || !isSeen(active))) {
    document.querySelector("#panel [data-close-panel]").focus();
  }
});
document.addEventListener("pointerdown", () => { entered = null; });

window.addEventListener("popstate", () => location.reload());
