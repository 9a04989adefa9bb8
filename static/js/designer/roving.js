// One tab stop in the chart: the card that was gone to last, with its menu and the "+" that belong to it. Arrows lead
// to the others.

import { selected, titleOf } from "./edit.js";
import { whenChartChanges } from "./swaps.js";

const STOPS = "[data-card], [data-place], summary, .card-note button, [data-fold], .container-folded a";
let current = "";

const chart = () => document.getElementById("flowchart");

// The card that a control belongs to; nothing where its card is not in the chart.
function ownerOf(element) {
  const around = element.closest(".step, .lane");
  const article = around?.matches(".lane") ? around.closest("article") : around?.querySelector(":scope > article");
  return article?.querySelector("[data-card]")?.dataset.card ?? "";
}

function settle(stops) {
  for (const stop of stops) {
    const owner = ownerOf(stop);
    const index = !owner || owner === current ? 0 : -1;
    if (stop.tabIndex !== index) stop.tabIndex = index;
  }
}

const settleCard = (id) => settle(titleOf(id)?.closest(".step").querySelectorAll(STOPS) ?? []);

// Of all cards those that are new.
function rove() {
  if (!chart()) return;
  const first = () => chart().querySelector("[data-card]")?.dataset.card ?? "";
  if (!current || !titleOf(current)) current = titleOf(selected()) ? selected() : first();
  settle(chart().querySelectorAll(`:is(${STOPS}):not([tabindex])`));
  settleCard(current);
}

document.addEventListener("focusin", ({ target }) => {
  if (!target.matches?.("#flowchart *") || !target.matches(STOPS)) return;
  const owner = ownerOf(target);
  if (!owner || owner === current) return;
  const before = current;
  current = owner;
  [before, owner].forEach(settleCard);
});
whenChartChanges(rove);
rove();
