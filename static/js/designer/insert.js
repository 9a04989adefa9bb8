// Finding an action to add: the search of the toolbox, and the same in the menu that a "+" opens.

import { activateFirst } from "../listbox.js";
import { fetchPart } from "../session.js";

const designer = document.querySelector("[data-designer]");
const toolbox = () => document.querySelector("[data-toolbox-find]");
const rows = (root) => [...root.querySelectorAll("[data-insert-type]")];
const visibleRows = (root) => rows(root).filter((row) => !row.closest("[hidden]"));

function filterActions(root, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((word) => `${row.textContent} ${row.title}`.toLowerCase().includes(word));
  for (const group of root.querySelectorAll("[data-find-group]")) {
    for (const row of rows(group)) row.hidden = !fits(row);
    group.hidden = rows(group).every((row) => row.hidden);
  }
  const isEmpty = !visibleRows(root).length;
  root.querySelector("[data-find-none]").textContent = isEmpty ? `No action is called “${text.trim()}”.` : "";
}

export function emptyToolboxSearch() {
  const field = toolbox();
  if (!field?.value) return;
  field.value = "";
  filterActions(field.closest(".toolbox"), "");
}

// To where an action is looked up: the toolbox, or where there is no room for it the menu.
export function findAction() {
  const field = toolbox();
  if (field?.checkVisibility()) field.focus();
  else document.querySelector("[data-add-action]")?.click();
}

// The menu stands beside the chart, not inside, so that a chart renewed meanwhile does not take it away.
let opener = null;
const position = new CSSStyleSheet(); // style attributes are against the content policy
document.adoptedStyleSheets.push(position);

export function closeInsertMenu() {
  document.querySelector("[data-insert-menu]")?.remove();
  const closed = opener;
  opener?.setAttribute("aria-expanded", "false");
  opener = null;
  return closed;
}

export async function openInsertMenu(button) {
  const again = button === opener;
  closeInsertMenu();
  if (again) return;
  const { owner = "", branch = "", at = "" } = button.dataset;
  const place = new URLSearchParams({ owner, branch, at });
  const answer = await fetchPart(`${designer.dataset.insertMenuUrl}?${place}`);
  if (!answer.ok) return;
  closeInsertMenu();
  opener = button;
  opener.setAttribute("aria-expanded", "true");
  const room = document.querySelector("[data-chart]");
  room.insertAdjacentHTML("beforeend", await answer.text());
  const menu = room.lastElementChild;
  const [from, to] = [button.getBoundingClientRect(), room.getBoundingClientRect()];
  const left = from.left + from.width / 2 - to.left - menu.offsetWidth / 2;
  const x = Math.max(8, Math.min(left, room.clientWidth - menu.offsetWidth - 8)) + room.scrollLeft;
  position.replaceSync(`.insert-menu { left: ${x}px; top: ${from.bottom - to.top + room.scrollTop + 4}px; }`);
  const field = menu.querySelector("[data-menu-find]");
  field.focus({ preventScroll: true });
  activateFirst(field);
  menu.scrollIntoView({ block: "nearest" });
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field === toolbox()) filterActions(field.closest(".toolbox"), field.value);
  if (!field.matches("[data-menu-find]")) return;
  filterActions(field.closest("[data-insert-menu]"), field.value);
  activateFirst(field);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Tab" && event.target.closest("[data-insert-menu]")) closeInsertMenu()?.focus();
  const box = event.target.closest(".toolbox");
  if (!box) return;
  const places = [toolbox(), ...visibleRows(box)];
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    event.preventDefault();
    places[places.indexOf(event.target) + by]?.focus();
  } else if (event.key === "Enter" && event.target === toolbox()) {
    event.preventDefault();
    places[1]?.click();
  }
});
