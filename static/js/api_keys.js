// The page of API keys: its forms open above the list, and a key that is shown once goes with the page.

// The way back must not show it again, whatever the browser keeps of the page.
addEventListener("pagehide", () => document.querySelector("[data-shown-once]")?.remove());

// Focus goes into what was opened, and back to what opened it.
let opener = null;
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-opens-panel]");
  if (link) opener = link.closest("details.menu")?.querySelector("summary") ?? link;
  if (event.target.closest("[data-closes-panel]")) closing = true;
});
let closing = false;

new MutationObserver(() => {
  const panel = document.getElementById("key-panel");
  if (!panel || panel.dataset.seen) return;
  panel.dataset.seen = "true";
  const first = panel.querySelector("[aria-invalid=true], input:not([type=hidden]), button");
  if (first) {
    first.focus();
    if (first.readOnly) first.select();
    panel.scrollIntoView({ block: "nearest" });
  } else {
    returnFocus();
  }
}).observe(document.querySelector(".settings-page"), { childList: true });

function returnFocus() {
  const left = document.activeElement === document.body || closing;
  closing = false;
  if (left) (opener?.isConnected ? opener : document.querySelector("[data-opens-panel]"))?.focus();
}

// Those that are not looked for are hidden; what is chosen stays in sight.
document.addEventListener("input", (event) => {
  const list = document.getElementById(event.target.dataset?.filters ?? "");
  if (!list) return;
  const words = event.target.value.trim().toLowerCase();
  for (const label of list.querySelectorAll("label")) {
    label.hidden = !label.textContent.toLowerCase().includes(words) && !label.querySelector(":checked");
  }
});

// Enter in the filter looks, and does not send the form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-filters]")) event.preventDefault();
});
