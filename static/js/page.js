// What every page needs: parts that wake up with their scripts, menus that close, keys looked at while typed,
// messages that go.

// What answers only with its scripts is inert until all of them have run, so that no early click is lost.
document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-live]")) part.inert = false;
});

// A page that begins with a form begins in its first field, or in the first that is to be corrected.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-focus-first]");
  if (!form || document.activeElement !== document.body) return;
  const fields = [...form.elements].filter((field) => field.matches("input:not([type=hidden]), select, textarea"));
  const usable = fields.filter((field) => !field.disabled && field.checkVisibility());
  (usable.find((field) => field.matches("[aria-invalid=true]")) ?? usable[0])?.focus();
});

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target) || event.target.closest(".menu-item:not([data-copy-from])")) menu.open = false;
  }
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) {
    const field = document.getElementById(reveal.dataset.reveal);
    field.type = field.type === "password" ? "text" : "password";
    reveal.setAttribute("aria-pressed", String(field.type === "text"));
  }
  event.target.closest("[data-dismiss]")?.closest(".message").remove();
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const items = [...menu.querySelectorAll(".menu-item")];
    if (!items.length) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(at + items.length) % items.length].focus();
  }
});
