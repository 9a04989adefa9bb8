// The panel under the chart: its tabs by mouse and keys, folded or open; this browser remembers both in a cookie, so
// that the page is right when it comes.

const YEAR = 365 * 24 * 3600; // seconds
const bottom = () => document.getElementById("bottom");
const body = () => document.getElementById("bottom-body");
const tabs = () => [...document.querySelectorAll("#bottom-tabs [role=tab]")];
const chosen = () => tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.dataset.bottomTab;

function remember() {
  const { folding: fold, path } = bottom().dataset;
  const value = [chosen(), fold].filter(Boolean).join(".");
  document.cookie = `designer-bottom=${value}; path=${path}; max-age=${YEAR}; SameSite=Lax`;
}

// The answer decides what is shown: the tab that it has chosen.
function settle() {
  if (!bottom()) return;
  bottom().dataset.tab = chosen();
  body().setAttribute("aria-labelledby", `bottom-tab-${chosen()}`);
  // Asked for at once, the whole chart would be laid out once more.
  requestAnimationFrame(nameFold);
}

function nameFold() {
  if (!bottom()) return;
  const open = body().checkVisibility();
  const button = bottom().querySelector("[data-fold-bottom]");
  button.setAttribute("aria-expanded", String(open));
  button.setAttribute("aria-label", open ? "Fold" : "Unfold");
  button.title = open ? "Fold" : "Unfold";
}

function load(query) {
  const action = document.getElementById("panel")?.dataset.panel ?? "";
  const view = document.querySelector(".panel-tabs [aria-current]")?.id === "panel-tab-run" ? "run" : "properties";
  const url = `${bottom().dataset.tabUrl}?${new URLSearchParams({ action, view, ...query })}`;
  return htmx.ajax("GET", url, { source: bottom(), swap: "none" });
}

async function openTab(name) {
  bottom().dataset.folding = "open";
  for (const tab of tabs()) {
    const on = tab.dataset.bottomTab === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  settle();
  remember();
  await load({ tab: name });
}

function fold() {
  bottom().dataset.folding = body().checkVisibility() ? "folded" : "open";
  settle();
  remember();
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-bottom-tab]");
  if (tab) return openTab(tab.dataset.bottomTab);
  if (event.target.closest("[data-fold-bottom]")) return fold();
  const step = event.target.closest("[data-step]");
  if (step) load({ tab: chosen(), step: step.dataset.step });
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("#bottom-tabs [role=tab]")) return;
  const all = tabs();
  const at = all.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = all[(to + all.length) % all.length];
  next.focus();
  openTab(next.dataset.bottomTab);
});

document.addEventListener("htmx:after:swap", settle);
settle();
