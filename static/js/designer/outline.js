// All cards as a list beside the chart: found by their words, gone to by a press. It is made of the chart that is
// shown, so that an edit need not send it.

import { isTyping, singleKeys } from "../keys.js";
import { designer, selected, titleOf } from "./edit.js";
import { foldAll, unfoldAround } from "./folds.js";
import { foldSide } from "./sides.js";
import { whenChartChanges } from "./swaps.js";

const outline = document.getElementById("outline");
const list = outline.querySelector("[data-outline-list]");
const field = outline.querySelector("[data-outline-find]");
const none = outline.querySelector("[data-outline-none]");
const ENTRIES = "#flowchart :is([data-card], [data-deep])";
let opener = null;

const isOpen = () => !outline.hidden;
const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

function entries() {
  const found = [];
  for (const title of document.querySelectorAll(ENTRIES)) {
    const article = title.closest("article");
    let depth = 0;
    for (let at = article.parentElement.closest("article"); at; at = at.parentElement.closest("article")) depth += 1;
    const isDeep = "deep" in title.dataset;
    found.push({
      id: title.dataset.card ?? title.dataset.deep,
      href: isDeep ? title.getAttribute("href") : null,
      depth: isDeep ? depth + 1 : depth,
      name: isDeep ? title.textContent : title.querySelector("b").textContent,
      type: isDeep ? "" : (title.querySelector(".card-type")?.textContent.trim() ?? ""),
      tile: isDeep ? null : title.parentElement.querySelector(".tile"),
      isWrong: !isDeep && article.matches(".has-error"),
      isDisabled: !isDeep && article.matches(".is-disabled"),
      more: isDeep ? "" : (article.querySelector(":scope > [data-note] [data-note-text]")?.textContent ?? ""),
    });
  }
  return found;
}

function row({ id, href, depth, name, type, tile, isWrong, isDisabled }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = href ?? `?action=${encodeURIComponent(id)}`;
  link.className = `outline-row depth-${Math.min(depth, 6)}`;
  if (!href) link.dataset.jump = id;
  if (id === selected()) link.setAttribute("aria-current", "true");
  if (isDisabled) link.classList.add("is-disabled");
  if (tile) {
    const copy = tile.cloneNode(true);
    copy.classList.add("tile-sm");
    link.append(copy);
  }
  const words = document.createElement("span");
  words.textContent = name;
  const kind = document.createElement("small");
  kind.textContent = type;
  link.append(words, kind);
  if (isWrong) {
    const mark = document.createElement("span");
    mark.className = "outline-wrong";
    mark.textContent = "error";
    link.append(mark);
  }
  item.append(link);
  return item;
}

function countCards() {
  const count = document.querySelector("[data-outline-count]");
  if (count) count.textContent = String(document.querySelectorAll(ENTRIES).length - 1);
}

function show() {
  if (!isOpen()) return;
  const wanted = wordsOf(field.value);
  const fits = ({ id, name, type, more }) => {
    const text = `${name} ${type} ${id} ${more}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  const found = entries().filter(fits);
  const focused = document.activeElement?.dataset?.jump;
  list.replaceChildren(...found.map(row));
  if (focused) list.querySelector(`[data-jump="${CSS.escape(focused)}"]`)?.focus();
  none.textContent = found.length ? "" : `No card says “${field.value.trim()}”.`;
}

function openOutline(from) {
  opener = from;
  foldSide("tools", false);
  outline.hidden = false;
  designer.classList.add("has-outline");
  show();
  field.focus();
  field.select();
  list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

function close() {
  outline.hidden = true;
  designer.classList.remove("has-outline");
  [opener, ...document.querySelectorAll("[data-outline-open]")].find((each) => each?.checkVisibility())?.focus();
}

function jump(id) {
  unfoldAround(id);
  const title = titleOf(id);
  title?.scrollIntoView({ block: "center" });
  title?.focus({ preventScroll: true });
  if (getComputedStyle(outline).position === "fixed") {
    outline.hidden = true;
    designer.classList.remove("has-outline");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-outline-open]");
  if (button) return openOutline(button);
  if (event.target.closest("[data-outline-close]")) return close();
  const all = event.target.closest("[data-fold-all]");
  if (all) return foldAll(all.dataset.foldAll === "fold");
  const link = event.target.closest("[data-jump]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  jump(link.dataset.jump);
});

field.addEventListener("input", show);
outline.addEventListener("keydown", (event) => {
  const rows = [...list.querySelectorAll("a")];
  const at = rows.indexOf(document.activeElement);
  if (event.key === "Escape") {
    event.preventDefault();
    return close();
  }
  if (event.key === "Enter" && event.target === field) {
    event.preventDefault();
    rows[0]?.click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const to = at + (event.key === "ArrowDown" ? 1 : -1);
    to < 0 ? field.focus() : rows[Math.min(to, rows.length - 1)]?.focus();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "o" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || !singleKeys() || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  openOutline(document.activeElement.closest("#flowchart") ? document.activeElement : null);
});
document.addEventListener("htmx:after:swap", show);
whenChartChanges(countCards);
countCards();
