// Hundreds of cards are looked at again only where a swap has changed some of them.

let isChanged = false;

function isOfChart({ target }) {
  const element = typeof target === "string" ? document.querySelector(target) : target;
  const chart = document.getElementById("flowchart");
  return !chart || chart.contains(element) || Boolean(element?.contains(chart));
}

document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => { isChanged ||= tasks.some(isOfChart); });
document.addEventListener("htmx:finally:swap", () => { isChanged = false; });

export function whenChartChanges(renew) {
  document.addEventListener("htmx:after:swap", () => { if (isChanged) renew(); });
}
