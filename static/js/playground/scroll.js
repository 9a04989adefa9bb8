// The end of the talk stays in view while the reader is at the end, and not otherwise.

const NEAR = 60; // px

const talk = document.querySelector("[data-talk]");
let following = true;

const scroller = () => (talk.scrollHeight > talk.clientHeight + 1 ? talk : document.documentElement);
const atEnd = () => {
  const page = scroller();
  return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
};

export function scrollToLatest() {
  following = true;
  const page = scroller();
  page.scrollTop = page.scrollHeight;
  offerLatest();
}

function offerLatest() {
  const button = document.querySelector("[data-latest]");
  if (button) button.hidden = following;
}

function scrolled() {
  following = atEnd();
  offerLatest();
}

if (talk) {
  talk.addEventListener("scroll", scrolled, { passive: true });
  window.addEventListener("scroll", scrolled, { passive: true });
  window.addEventListener("load", scrollToLatest);
  new MutationObserver(() => {
    if (following) scrollToLatest();
  }).observe(talk, { childList: true, subtree: true, characterData: true });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-latest]")) scrollToLatest();
});
