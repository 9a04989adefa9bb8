// The panels at the sides: as wide as somebody likes them, or folded. Separators are dragged, pressed (usual and wide),
// and moved by arrows; Enter or a double click folds. This browser remembers it.

const STORED = "designer-sides";
const STEP = 16; // px that an arrow moves
const WIDE = 1.5; // times the usual width, by a press without dragging
const NARROWEST = 180; // px
const CHART = 320; // px that are left for the chart

const root = document.querySelector("[data-designer]");
const sides = JSON.parse(localStorage.getItem(STORED) ?? "{}"); // by name: { width, isFolded }
const separators = [...document.querySelectorAll("[data-side]")];

const areaOf = (separator) => document.getElementById(separator.getAttribute("aria-controls"));
const stored = (separator) => (sides[separator.dataset.side] ??= {});
const standard = (separator) => Number(separator.dataset.width);
const widthOf = (separator) => stored(separator).width ?? standard(separator);

function widest(separator) {
  const others = separators.filter((each) => each !== separator && !stored(each).isFolded && each.checkVisibility());
  const taken = others.reduce((sum, each) => sum + widthOf(each), 0);
  return Math.max(NARROWEST, Math.min(Number(separator.dataset.widest), root.clientWidth - taken - CHART));
}

function show(separator) {
  const { side } = separator.dataset;
  const { isFolded = false } = stored(separator);
  const most = widest(separator);
  const width = Math.min(widthOf(separator), most);
  // What the page has already is not set anew: everything below would be styled again.
  const name = `--${side}-width`, value = width === standard(separator) ? "" : `${width}px`;
  if (root.style.getPropertyValue(name) !== value) root.style.setProperty(name, value);
  root.classList.toggle(`is-${side}-folded`, isFolded);
  separator.setAttribute("aria-valuenow", String(isFolded ? 0 : width));
  separator.setAttribute("aria-valuemax", String(most));
  separator.setAttribute("aria-valuetext", isFolded ? "folded" : `${width} pixels`);
  const button = document.querySelector(`[data-fold-side="${side}"]`);
  button?.setAttribute("aria-expanded", String(!isFolded));
  localStorage.setItem(STORED, JSON.stringify(sides));
}

function resize(separator, width) {
  Object.assign(stored(separator), { width: Math.round(Math.min(Math.max(width, NARROWEST), widest(separator))) });
  stored(separator).isFolded = false;
  show(separator);
}

export function foldSide(side, isFolded) {
  const separator = separators.find((each) => each.dataset.side === side);
  if (!separator || Boolean(stored(separator).isFolded) === isFolded) return;
  stored(separator).isFolded = isFolded;
  show(separator);
}

const toggle = (separator) => foldSide(separator.dataset.side, !stored(separator).isFolded);

for (const separator of separators) {
  const grows = separator.dataset.side === "tools" ? 1 : -1; // to the right
  separator.addEventListener("keydown", (event) => {
    const by = { ArrowRight: STEP, ArrowLeft: -STEP }[event.key];
    const keys = { Home: () => resize(separator, NARROWEST), End: () => resize(separator, Infinity) };
    keys.Enter = () => toggle(separator);
    const now = () => (stored(separator).isFolded ? 0 : widthOf(separator));
    if (by) keys[event.key] = () => resize(separator, now() + by * grows);
    if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  separator.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    separator.focus();
    separator.setPointerCapture(event.pointerId);
    const [from, width] = [event.clientX, stored(separator).isFolded ? 0 : widthOf(separator)];
    let isDragged = false;
    const move = (moved) => {
      isDragged ||= Math.abs(moved.clientX - from) > 3;
      if (isDragged) resize(separator, width + (moved.clientX - from) * grows);
    };
    const end = () => {
      separator.removeEventListener("pointermove", move);
      if (!isDragged) resize(separator, width === standard(separator) ? width * WIDE : standard(separator));
    };
    separator.addEventListener("pointermove", move);
    separator.addEventListener("lostpointercapture", end, { once: true });
  });
  separator.addEventListener("dblclick", () => toggle(separator));
  // What is usual the page has already: measured before it is laid out, it would be laid out twice.
  const { width, isFolded } = stored(separator);
  if (width || isFolded) show(separator);
  else requestAnimationFrame(() => show(separator));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold-side]");
  if (button) toggle(separators.find((each) => each.dataset.side === button.dataset.foldSide));
});
// Whoever opens a card wants its panel.
document.addEventListener("htmx:push:url", () => foldSide("panel", false));
window.addEventListener("resize", () => separators.forEach(show));
