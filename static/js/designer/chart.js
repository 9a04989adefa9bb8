// The flowchart by mouse and keyboard: choose, insert, move, undo.

import { leavingLink } from "../autosave.js";
import { isTyping, singleKeys } from "../keys.js";
import "./choice.js";
import "./clipboard.js";
import "./drag.js";
import {
  change, designer, focusAfterwards, isEditable, post, seenTitles, selected, takeFocus, titleOf,
} from "./edit.js";
import { fold, unfoldAround } from "./folds.js";
import { editNote, rename } from "./in_place.js";
import { closeInsertMenu, emptyToolboxSearch, findAction, openInsertMenu } from "./insert.js";
import { autosave } from "./panel.js";
import "./roving.js";
import * as selection from "./selection.js";

let entered = null; // the card whose panel gets the focus once it is there

const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
const isCovered = () => Boolean(selected()) && !isSeen(document.querySelector("[data-chart]"));

const selectUrl = (id) => designer.dataset.selectUrl.replace("ACTION", encodeURIComponent(id));
const choose = (id) => titleOf(id)?.click();

function mark(id) {
  const marked = document.querySelectorAll("#flowchart [data-card][aria-current]");
  for (const title of new Set([...marked, titleOf(id)])) {
    const on = title?.dataset.card === id;
    title?.closest("article").classList.toggle("is-selected", on);
    on ? title.setAttribute("aria-current", "true") : title?.removeAttribute("aria-current");
  }
}

// Menus are filled when they open, so that a chart of a hundred cards stays light.
document.addEventListener("toggle", (event) => {
  const list = event.target.open && event.target.querySelector?.("[data-action-menu]");
  if (!list) return;
  const id = list.dataset.actionMenu;
  list.replaceChildren(document.getElementById("action-menu").content.cloneNode(true));
  const card = list.closest("article");
  for (const item of [...list.children]) {
    item.dataset.on = id;
    if (!isItemOf(item, card, id)) item.remove();
  }
  list.scrollIntoView({ block: "nearest" });
}, true);

function isItemOf({ dataset }, card, id) {
  if (id === "start") return "forStart" in dataset;
  const isContainer = card.matches(".container"), isPinned = card.querySelector(".card-pin") !== null;
  if ("pin" in dataset) return !isPinned && !isContainer;
  if ("unpin" in dataset) return isPinned && !isContainer;
  return isContainer || !("forContainers" in dataset);
}

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
  if (type && isEditable) {
    event.preventDefault();
    const { owner, branch, at, insertType } = type.dataset;
    const after = selected() && selected() !== "start" ? selected() : "";
    const where = at !== undefined ? { owner, branch, at } : selected() === "start" ? { at: 0 } : { after };
    closeInsertMenu();
    emptyToolboxSearch();
    focusAfterwards("selected");
    return post(designer.dataset.insertUrl, { type: insertType, ...where });
  }
  if (target.closest("[data-insert-menu]")) return;
  closeInsertMenu();
  const verb = target.closest("[data-verb]");
  if (verb) return doVerb(verb);
  const step = target.closest("[data-undo], [data-redo]");
  if (step) {
    event.preventDefault();
    return post(step.formAction);
  }
  const card = target.closest("#flowchart [data-card]");
  if (card) return openPanel(card, event);
  if (target.closest("[data-close-panel]")) {
    event.preventDefault();
    return closePanel();
  }
  const go = target.closest("[data-go]");
  if (go) {
    event.preventDefault();
    goTo(go.dataset.go, go.dataset.property);
  }
});

// One listener for all cards: htmx would look at each of them.
function openPanel(card, event) {
  mark(card.dataset.card);
  if (event.ctrlKey || event.metaKey || event.shiftKey) return undefined; // a tab or window of its own
  event.preventDefault();
  const push = card.getAttribute("href");
  return htmx.ajax("GET", selectUrl(card.dataset.card), { source: card, swap: "none", push });
}

// Of the card whose menu it is in, of all that are selected, or of the one whose panel is open.
function doVerb({ dataset: { verb, on, branch = "", type = "" }, ...button }) {
  const id = on || (document.activeElement?.closest("[data-selection-bar]") ? selection.chosenNow()[0] : selected());
  if (on) verb === "remove" ? focusBefore(id) : focusAfterwards(["wrap"].includes(verb) ? "selected" : id);
  return change(id, verb, { branch, type, chosen: selection.chosenWith(id).join() });
}

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

function cardBeside(from, by) {
  const all = seenTitles();
  return all[Math.min(Math.max(all.indexOf(from) + by, 0), all.length - 1)];
}

// Of what is removed, the card in front of it is gone to.
function focusBefore(id) {
  const [first] = selection.chosenWith(id);
  focusAfterwards(cardBeside(titleOf(first), -1)?.dataset.card ?? "start");
}

const inwards = (title) => title.closest("article").querySelector(":scope .lanes [data-card]");
const outwards = (title) => title.closest("article").parentElement.closest("article")?.querySelector("[data-card]");

const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "into", ArrowLeft: "out" };

function cardKey(event, title) {
  const id = title.dataset.card;
  const [control, shift, key] = [event.ctrlKey || event.metaKey, event.shiftKey, event.key];
  const go = (move) => { event.preventDefault(); move(); };
  const act = (verb, values = {}) => go(() => {
    if (!isEditable || id === "start") return;
    verb === "remove" ? focusBefore(id) : focusAfterwards(verb === "duplicate" ? "chosen" : id);
    change(id, verb, { chosen: selection.chosenWith(id).join(), ...values });
  });
  const goOn = (to) => go(() => {
    to?.focus();
  });
  if (event.altKey) return key in MOVES ? act(MOVES[key]) : undefined;
  if (control && key.toLowerCase() === "d") return act("duplicate");
  if (control && key.toLowerCase() === "a") return isEditable ? go(selection.chooseAll) : undefined;
  if (control && key !== " ") return;
  if (shift && key === "ArrowRight") return go(() => fold(id, false));
  if (shift && key === "ArrowLeft") return go(() => title.closest(".container") && fold(id, true));
  if (shift && ["ArrowDown", "ArrowUp"].includes(key) && isEditable) return go(() => extendTo(title, key));
  switch (key) {
    case "ArrowDown": return goOn(cardBeside(title, 1));
    case "ArrowUp": return goOn(cardBeside(title, -1));
    case "Home": return goOn(seenTitles()[0]);
    case "End": return goOn(seenTitles().at(-1));
    case "ArrowRight": return go(() => { fold(id, false); inwards(title)?.focus(); });
    case "ArrowLeft": return goOn(outwards(title));
    case " ": return isEditable ? go(() => selection.toggle(id)) : undefined;
    case "F2": return go(() => (shift ? editNote(title) : rename(title)));
    case "Enter": return shift ? undefined : go(() => enterPanel(id));
    case "Escape":
      if (selection.hasSeveral()) return go(() => selection.choose([]));
      return selected() && !document.querySelector("[data-insert-menu]") ? closePanel() : undefined;
    case "Delete":
    case "Backspace":
      return act("remove");
  }
}

function extendTo(title, key) {
  const to = cardBeside(title, key === "ArrowDown" ? 1 : -1);
  to.focus();
  selection.extend(to.dataset.card, title.dataset.card);
}

// The menu of a card by the key for menus and the other button of the mouse.
document.addEventListener("contextmenu", (event) => {
  const menu = event.target.closest("#flowchart .card-head")?.querySelector("details.menu");
  if (!menu || event.shiftKey) return;
  event.preventDefault();
  menu.open = true;
  setTimeout(() => menu.querySelector(".menu-item")?.focus());
});

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
  } else if (event.key === "/" && !typing && !control && isEditable && singleKeys()) {
    event.preventDefault();
    findAction();
  }
});

const EDITS = ["flow-edit", "run-bar"]; // what edits and runs are sent from: others that end meanwhile move no focus
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  mark(selected());
  if (entered !== null && entered === selected()) {
    entered = null;
    focusPanel();
  }
  const wanted = EDITS.includes(ctx.sourceElement?.id) ? takeFocus() : null;
  if (wanted !== null) {
    const id = wanted === "chosen" ? (selection.firstDone() ?? selected()) : wanted;
    unfoldAround(id);
    titleOf(id)?.focus();
  }
  // Asked for at once, the whole chart would be styled once more.
  requestAnimationFrame(keepFocusInSight);
});

function keepFocusInSight() {
  const active = document.activeElement;
  if (isCovered() && (active === document.body || !isSeen(active))) {
    document.querySelector("#panel [data-close-panel]").focus();
  }
}
document.addEventListener("pointerdown", () => {
  entered = null;
  takeFocus();
});

window.addEventListener("popstate", () => location.reload());
