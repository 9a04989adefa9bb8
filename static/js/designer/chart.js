// The flowchart by mouse and keyboard: choose, insert, move, undo. Every edit is one POST that names the
// revision it was made on; the server answers with the regions to renew.

import { leavingLink } from "../autosave.js";
import { autosave } from "./panel.js";

const designer = document.querySelector("[data-designer]");
const changeUrl = (id, verb) =>
  designer.dataset.changeUrl.replace("VERB", verb).replace("ACTION", encodeURIComponent(id));
const editable = "editable" in designer.dataset;
let wanted = null; // the card that gets focus once the chart is renewed

const selected = () => document.getElementById("panel")?.dataset.panel || "";
const focused = () => document.activeElement?.closest("[data-card]")?.dataset.card;
const titles = () => [...document.querySelectorAll("#flowchart [data-card]")];

// One edit at a time, so that each is made on what the one before has made of the page.
let posted = Promise.resolve();
function post(url, values = {}) {
  const send = async () => {
    await autosave.settled();
    const edit = document.getElementById("flow-edit");
    return htmx.ajax("POST", url, { source: edit, swap: "none", values: { action: selected(), ...values } });
  };
  posted = posted.then(send, send);
  return posted;
}

function choose(id) {
  document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`)?.click();
}

function mark(id) {
  for (const title of titles()) {
    const on = title.dataset.card === id;
    title.closest("article").classList.toggle("is-selected", on);
    on ? title.setAttribute("aria-current", "true") : title.removeAttribute("aria-current");
  }
}

// Menus are filled when they open, so that a chart of a hundred cards stays light.
const MENU = [
  ["up", "Move up", "Alt ↑"], ["down", "Move down", "Alt ↓"], ["into", "Move into the next", "Alt →"],
  ["out", "Move out", "Alt ←"], ["duplicate", "Duplicate", "Ctrl D"], ["toggle", "Disable or enable", ""],
  ["remove", "Remove", "Del"],
];
document.addEventListener("toggle", (event) => {
  const list = event.target.open && event.target.querySelector?.("[data-action-menu]");
  if (!list || list.childElementCount) return;
  for (const [verb, label, key] of MENU) {
    const item = document.createElement("button");
    item.type = "button";
    item.className = verb === "remove" ? "menu-item is-bad" : "menu-item";
    item.dataset.verb = verb;
    item.dataset.on = list.dataset.actionMenu;
    item.append(label);
    if (key) {
      const hint = document.createElement("kbd");
      hint.className = "kbd";
      hint.textContent = key;
      item.append(hint);
    }
    list.append(item);
  }
}, true);

// The menu stands beside the chart, not inside, so that a chart renewed meanwhile does not take it away.
let opener = null;
const position = new CSSStyleSheet(); // style attributes are against the content policy
document.adoptedStyleSheets.push(position);

function closeInsertMenu() {
  document.querySelector("[data-insert-menu]")?.remove();
  const closed = opener;
  opener = null;
  return closed;
}

async function openInsertMenu(button) {
  const again = button === opener;
  closeInsertMenu();
  if (again) return;
  const { owner, branch, at } = button.dataset;
  const place = new URLSearchParams({ owner, branch, at });
  const answer = await fetch(`${designer.dataset.insertMenuUrl}?${place}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  opener = button;
  const room = document.querySelector("[data-chart]");
  room.insertAdjacentHTML("beforeend", await answer.text());
  const menu = room.lastElementChild;
  const [from, to] = [button.getBoundingClientRect(), room.getBoundingClientRect()];
  const left = from.left + from.width / 2 - to.left - menu.offsetWidth / 2;
  const x = Math.max(8, Math.min(left, to.width - menu.offsetWidth - 8)) + room.scrollLeft;
  position.replaceSync(`.insert-menu { left: ${x}px; top: ${from.bottom - to.top + room.scrollTop + 4}px; }`);
  menu.querySelector("[data-insert-type]").focus();
  menu.scrollIntoView({ block: "nearest" });
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
  const place = target.closest("[data-place]");
  if (place) return openInsertMenu(place);
  const type = target.closest("[data-insert-type]");
  if (type && editable) {
    event.preventDefault();
    const { owner, branch, at, insertType } = type.dataset;
    const after = selected() && selected() !== "start" ? selected() : "";
    const where = at !== undefined ? { owner, branch, at } : selected() === "start" ? { at: 0 } : { after };
    closeInsertMenu();
    wanted = "selected";
    return post(designer.dataset.insertUrl, { type: insertType, ...where });
  }
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
  const empty = document.createElement("aside");
  empty.id = "panel";
  empty.className = "panel is-empty";
  empty.setAttribute("aria-label", "Property panel");
  panel.replaceWith(empty);
  history.pushState(null, "", location.pathname);
  mark("");
  document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`)?.focus();
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
    case "Delete":
    case "Backspace":
      walk(title, -1);
      return act("remove");
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  const control = event.ctrlKey || event.metaKey;
  if (event.target.matches("#flowchart [data-card]")) cardKey(event, event.target);
  if (event.defaultPrevented) return;
  if (event.key === "Escape") {
    const closed = closeInsertMenu();
    if (closed) return closed.focus();
    if (event.target.closest("#panel") && !event.target.closest("details[open], #new-connection")) return closePanel();
  }
  if (event.target.matches("[data-insert-menu] [data-insert-type]") && event.key.startsWith("Arrow")) {
    event.preventDefault();
    const items = [...event.target.parentElement.querySelectorAll("[data-insert-type]")];
    const next = items.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    return items[(next + items.length) % items.length].focus();
  }
  if (control && event.key === "Enter") {
    event.preventDefault();
    document.querySelector("[data-run]")?.click();
  } else if (control && event.key.toLowerCase() === "z" && !typing) {
    event.preventDefault();
    document.querySelector(event.shiftKey ? "[data-redo]" : "[data-undo]")?.click();
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    document.querySelector("[data-toolbox-find]")?.focus();
  }
});

document.querySelector("[data-toolbox-find]")?.addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase();
  for (const group of document.querySelectorAll("[data-toolbox-group]")) {
    const rows = [...group.querySelectorAll(".toolbox-row")];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(words);
    group.hidden = rows.every((row) => row.hidden);
  }
});
document.querySelector("[data-toolbox-find]")?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  [...document.querySelectorAll(".toolbox-row")].find((row) => !row.hidden && !row.parentElement.hidden)?.click();
});

document.addEventListener("htmx:finally:request", () => {
  mark(selected());
  if (wanted === null) return;
  const id = wanted === "selected" ? selected() : wanted;
  wanted = null;
  document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`)?.focus();
});

window.addEventListener("popstate", () => location.reload());
