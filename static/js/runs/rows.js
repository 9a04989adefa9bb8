// Leads through the tables of steps and iterations by arrows. Where there is no room for the open one beside them, it
// comes below the row of an iteration, and into view for a step.

const links = () => [...document.querySelectorAll(".iteration-link, a.step-link")];

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = links().indexOf(document.activeElement);
  const inTable = at >= 0 || document.activeElement === document.body;
  if (!step || !inTable || event.altKey || event.ctrlKey || event.metaKey) return;
  const chosen = links().findIndex((link) => link.ariaCurrent === "true");
  const next = links()[at >= 0 ? at + step : Math.max(chosen, 0)];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

const narrow = window.matchMedia("(width < 1100px)");

document.addEventListener("htmx:finally:swap", (event) => {
  const isStep = event.detail?.ctx?.sourceElement?.matches?.(".step-link");
  if (isStep && narrow.matches) document.getElementById("run-detail").scrollIntoView();
});

const between = window.matchMedia("(600px <= width < 1100px)");
const place = document.createElement("tr");
const cell = place.appendChild(document.createElement("td"));
place.className = "iteration-place";

function placeDetail() {
  const row = between.matches && document.querySelector(".iteration-table tr.is-selected");
  if (!row) return takeDetailHome();
  if (row.nextElementSibling === place) return;
  cell.colSpan = [...row.cells].filter((one) => one.offsetParent).length;
  cell.append(document.getElementById("run-detail"));
  row.after(place);
}

// What renews the table knows nothing of a row that is not of it.
function takeDetailHome() {
  if (!place.isConnected) return;
  document.querySelector(".run-body").append(document.getElementById("run-detail"));
  place.remove();
}

if (document.querySelector(".iteration-table")) {
  placeDetail();
  between.addEventListener("change", placeDetail);
  document.addEventListener("htmx:before:swap", takeDetailHome);
  document.addEventListener("htmx:finally:swap", placeDetail);
}
