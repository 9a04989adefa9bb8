// An edit sends only the cards that it changed. What follows from the order of all of them is counted anew here: the
// step numbers that cards and lanes are read out with, and the places of the insert buttons.

import { whenChartChanges } from "./swaps.js";

const NUMBER = /Step \d+ of \d+/;

function renumber(chart) {
  const titles = [...chart.querySelectorAll("[data-card]")];
  const inside = (title) => {
    const folded = title.closest("article").querySelector(":scope > [data-inside]");
    return Number(folded?.dataset.inside ?? 0);
  };
  const total = titles.reduce((sum, title) => sum + 1 + inside(title), 0);
  let step = 0;
  for (const title of titles) {
    step += 1;
    const lanes = title.closest("article").querySelectorAll(":scope > .lanes > .lane");
    for (const element of [title, ...lanes]) {
      const name = element.getAttribute("aria-label") ?? "";
      const now = name.replace(NUMBER, `Step ${step} of ${total}`);
      if (now !== name) element.setAttribute("aria-label", now);
    }
    step += inside(title);
  }
}

function replace(chart) {
  for (const block of chart.querySelectorAll("ol.block")) {
    const steps = [...block.children].filter((step) => step.querySelector(":scope > article [data-card]"));
    const before = steps[0]?.id === "step-start" ? 0 : 1;
    steps.forEach((step, number) => {
      const button = step.querySelector(":scope > .wire [data-at]");
      if (button) button.dataset.at = number + before;
    });
  }
}

whenChartChanges(() => {
  const chart = document.getElementById("flowchart");
  if (!chart || chart.querySelector(".chart-crumbs")) return; // one container as the whole chart is always sent whole
  renumber(chart);
  replace(chart);
});
