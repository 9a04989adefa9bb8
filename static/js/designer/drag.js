// Dragging is extra: what it does the menu of a card and the keys do, too. Cards and rows of the toolbox are dropped
// where a "+" is; the nearest one in the lane under the pointer is shown.

import { isAway } from "../session.js";
import { change, designer, focusAfterwards, isEditable, post, say, titleOf } from "./edit.js";
import { chosenWith } from "./selection.js";

let dragged = null; // { ids } of cards, or { type } of the toolbox
let target = null; // the "+" that is nearest

const chart = () => document.getElementById("flowchart");

document.addEventListener("dragstart", (event) => {
  const from = event.target.closest?.(".toolbox-row, #flowchart .card-head");
  if (!from || !isEditable) return;
  const title = from.querySelector("[data-card]");
  if (isAway() || title?.dataset.card === "start" || from.querySelector("[data-typing]")) return event.preventDefault();
  dragged = title ? { ids: chosenWith(title.dataset.card) } : { type: from.dataset.insertType };
  const { dataTransfer } = event;
  dataTransfer.clearData();
  dataTransfer.setData("text/plain", from.innerText.trim());
  dataTransfer.effectAllowed = title ? "move" : "copy";
  if (title) dataTransfer.setDragImage(title.closest("article"), 16, 16);
  // The browser takes its picture first.
  setTimeout(() => mark(true));
});

function mark(on) {
  chart()?.classList.toggle("is-dragging", on);
  for (const id of dragged?.ids ?? []) titleOf(id)?.closest("article").classList.toggle("is-dragged", on);
}

const laneOf = (element) => element.closest(".lane, #flowchart");
const isWithin = (place) => dragged.ids?.some((id) => place.closest(`#card-${CSS.escape(id)}`)) ?? false;

function nearest({ clientX, clientY }) {
  const under = document.elementFromPoint(clientX, clientY);
  const lane = under?.closest("#flowchart") ? laneOf(under) : chart();
  const places = [...lane.querySelectorAll("[data-place]")].filter((place) => laneOf(place) === lane);
  const distance = (place) => {
    const { top, bottom } = place.getBoundingClientRect();
    return Math.abs((top + bottom) / 2 - clientY);
  };
  return places.reduce((best, each) => (!best || distance(each) < distance(best) ? each : best), null);
}

function point(place) {
  if (place === target) return;
  target?.classList.remove("is-target", "is-refused");
  target = place;
  target?.classList.add(isWithin(target) ? "is-refused" : "is-target");
}

document.addEventListener("dragover", (event) => {
  if (!dragged || !event.target.closest?.("[data-chart]")) return dragged && point(null);
  event.preventDefault();
  event.dataTransfer.dropEffect = dragged.type ? "copy" : "move";
  point(nearest(event));
});

document.addEventListener("drop", (event) => {
  if (!dragged || !event.target.closest?.("[data-chart]")) return;
  event.preventDefault();
  const place = target ?? nearest(event);
  if (!place) return;
  const { owner = "", branch = "", at = "" } = place.dataset;
  const { ids, type } = dragged;
  if (type) {
    focusAfterwards("selected");
    return post(designer.dataset.insertUrl, { type, owner, branch, at, dropped: "1" });
  }
  if (isWithin(place)) {
    const name = ids.length > 1 ? "The actions" : titleOf(ids[0]).querySelector("b").textContent;
    return say(`${name} cannot go into ${ids.length > 1 ? "themselves" : "itself"}.`, "bad");
  }
  focusAfterwards(ids[0]);
  change(ids[0], "move", { chosen: ids.join(), owner, branch, at });
});

document.addEventListener("dragend", () => {
  if (!dragged) return;
  point(null);
  mark(false);
  dragged = null;
});
