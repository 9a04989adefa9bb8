// Keeps the end of a streaming answer in view while the reader is at the end of it, and not otherwise.

const NEAR = 60; // px
let following = true;

window.addEventListener("scroll", () => {
  const page = document.documentElement;
  following = page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
}, { passive: true });

new MutationObserver((changes) => {
  const streamed = changes.some((change) => change.target.closest?.("[role=log]"));
  const log = streamed && document.querySelector("[role=log]");
  if (log && following && log.getBoundingClientRect().bottom > window.innerHeight) log.scrollIntoView({ block: "end" });
}).observe(document.getElementById("main"), { childList: true, subtree: true, characterData: true });
