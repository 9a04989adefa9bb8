// The list of keys, and whether those of a single letter count: whoever dictates or slips may switch them off.

const STORED = "single-letter-keys";

export const singleKeys = () => localStorage.getItem(STORED) !== "off";

const TYPED = "input, textarea, select, [contenteditable], [data-typing]";
export const isTyping = (target) => Boolean(target.closest?.(TYPED));

function showKeys() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  dialog.showModal();
}

function apply() {
  document.documentElement.classList.toggle("no-single-keys", !singleKeys());
  for (const toggle of document.querySelectorAll("[data-single-keys]")) toggle.checked = singleKeys();
}
apply();

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) showKeys();
  if (event.target.matches("dialog")) event.target.close(); // its backdrop
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-single-keys]")) return;
  localStorage.setItem(STORED, event.target.checked ? "on" : "off");
  apply();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.defaultPrevented || isTyping(event.target) || !singleKeys()) return;
  event.preventDefault();
  showKeys();
});
