// Keeps what is executed in view, until the person scrolls the chart; a button goes back to it.

const EVERY = 400; // ms
const chart = () => document.querySelector("[data-chart]");
const button = () => document.querySelector("[data-follow]");
const isLive = () => Boolean(document.querySelector("#run-feed[hx-sse\\:connect]")) && Boolean(active());
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let following = true;
let was = null; // what was active when it was last brought into view

// The innermost card that goes; a container goes as long as something in it does.
function active() {
  const heads = [...document.querySelectorAll("#flowchart :is(.run-running, .run-waiting).card-head")];
  const cards = heads.map((head) => head.parentElement);
  return cards.findLast((card) => card.matches(".card")) ?? cards.at(-1);
}

function say() {
  button().hidden = !isLive();
  button().setAttribute("aria-pressed", String(following));
  button().querySelector("span").textContent = following ? "Following" : "Follow";
}

function follow() {
  const card = active();
  say();
  if (!card || !following || card.id === was) return;
  was = card.id;
  card.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function letGo() {
  if (!following || !isLive()) return;
  following = false;
  say();
}

for (const type of ["wheel", "touchmove", "pointerdown"]) {
  chart().addEventListener(type, (event) => {
    // A press counts only where it is one of the scroll bar.
    if (type !== "pointerdown" || event.target === chart()) letGo();
  }, { passive: true });
}
chart().addEventListener("keydown", (event) => {
  if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key)) letGo();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-follow]")) return;
  following = !following;
  was = null;
  follow();
});
document.addEventListener("htmx:after:swap", () => {
  if (!active()) {
    following = true;
    was = null;
  }
  follow();
});
setInterval(() => { if (!button().hidden) follow(); }, EVERY);
follow();
