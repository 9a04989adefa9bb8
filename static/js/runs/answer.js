// Keeps the end of an answer that streams in view, unless the reader has scrolled up; then it offers to go there.

const NEAR = 40; // px

const answer = () => document.querySelector(".response[data-streams]");
const detail = () => document.getElementById("run-detail");
const scrollsItself = () => getComputedStyle(detail()).overflowY === "auto";
const scroller = () => (scrollsItself() ? detail() : document.scrollingElement);

// How far the end of the answer is below what is seen.
function beyond() {
  const edge = scrollsItself() ? detail().getBoundingClientRect().bottom : window.innerHeight;
  return answer().getBoundingClientRect().bottom - edge;
}

let following = true;
let top = 0;

function offerLatest() {
  const button = document.querySelector("[data-latest]");
  if (button) button.hidden = !answer() || following || beyond() <= NEAR;
}

function goToLatest() {
  following = true;
  if (beyond() > -NEAR / 2) scroller().scrollTop += beyond() + NEAR / 2;
  top = scroller().scrollTop;
  offerLatest();
}

function scrolled() {
  if (!answer()) return;
  const now = scroller().scrollTop;
  if (beyond() <= NEAR) following = true;
  else if (now < top) following = false;
  top = now;
  offerLatest();
}

document.addEventListener("scroll", scrolled, { capture: true, passive: true });
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-latest]") && answer()) goToLatest();
});

if (detail()) {
  // Where the answer stands below the steps, the page stays at them until the reader comes.
  if (answer()) following = scrollsItself() || beyond() <= NEAR;
  else following = scrollsItself();
  new MutationObserver(() => {
    if (!answer()) return;
    if (following) goToLatest();
    else offerLatest();
  }).observe(document.getElementById("main"), { childList: true, subtree: true, characterData: true });
  if (answer() && following) goToLatest();
}
