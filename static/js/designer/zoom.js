// How large the chart is drawn: by buttons, by + - 0 1 while the focus is in the chart, by Ctrl and the wheel. This
// browser remembers it.

import { isTyping, singleKeys } from "../keys.js";

const STEPS = [25, 33, 50, 67, 75, 80, 90, 100, 110, 125, 150, 200]; // per cent
const STORED = "designer-zoom";
const MARGIN = 24; // px around a chart that fits

const control = document.querySelector("[data-zoom-control]");
const room = () => document.querySelector("[data-chart]");
const sheet = new CSSStyleSheet(); // style attributes are against the content policy
document.adoptedStyleSheets.push(sheet);
let zoom = 100;

function show(percent, say = true) {
  const view = room();
  const middle = say ? (view.scrollTop + view.clientHeight / 2) / zoom : 0;
  zoom = Math.min(Math.max(Math.round(percent), STEPS[0]), STEPS.at(-1));
  sheet.replaceSync(zoom === 100 ? "" : `#flowchart { zoom: ${zoom / 100}; }`);
  if (say) view.scrollTop = middle * zoom - view.clientHeight / 2;
  localStorage.setItem(STORED, String(zoom));
  const value = control.querySelector("[data-zoom='100']");
  value.textContent = `${zoom} %`;
  value.setAttribute("aria-label", `Zoom ${zoom} %, back to 100 %`);
  control.querySelector("[data-zoom=out]").disabled = zoom <= STEPS[0];
  control.querySelector("[data-zoom=in]").disabled = zoom >= STEPS.at(-1);
}

const larger = () => show(STEPS.find((step) => step > zoom) ?? zoom);
const smaller = () => show(STEPS.findLast((step) => step < zoom) ?? zoom);

// As large as all of it can be seen; never larger than it is.
function fit() {
  const view = room();
  const blocks = [...document.querySelectorAll("#flowchart > .block > .step, #flowchart > .container")];
  const [first, last] = [blocks[0], blocks.at(-1)].map((each) => each.getBoundingClientRect());
  const height = ((last.bottom - first.top) * 100) / zoom;
  show(Math.min(100, Math.floor(((view.clientHeight - MARGIN) * 100) / height)), false);
  blocks[0].scrollIntoView({ block: "start" });
}

const DEEDS = { in: larger, out: smaller, 100: () => show(100), fit };
const KEYS = { "+": "in", "=": "in", "-": "out", 0: "100", 1: "fit" };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (button) DEEDS[button.dataset.zoom]();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !singleKeys()) return;
  const isHere = event.target.closest("[data-chart], [data-zoom-control]");
  if (!(event.key in KEYS) || isTyping(event.target) || !isHere) return;
  event.preventDefault();
  DEEDS[KEYS[event.key]]();
});

room().addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  event.deltaY < 0 ? larger() : smaller();
}, { passive: false });

const stored = Number(localStorage.getItem(STORED)) || 100;
if (stored !== zoom) show(stored, false); // the page comes with what is usual
