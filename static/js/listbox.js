// A field with a listbox (data-listbox): arrows move through its options while the focus stays in the field, Enter
// takes the active one.

const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));

const options = (list) =>
  [...list.querySelectorAll('[role="option"]:not([aria-disabled])')].filter((option) => !option.closest("[hidden]"));

export function activate(field, option) {
  const before = listOf(field)?.querySelector(".is-active");
  before?.classList.remove("is-active");
  before?.removeAttribute("aria-selected");
  if (!option) return field.removeAttribute("aria-activedescendant");
  option.classList.add("is-active");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
}

export const activateFirst = (field) => activate(field, options(listOf(field))[0]);

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-listbox]") || !listOf(field) || event.isComposing || event.defaultPrevented) return;
  const found = options(listOf(field));
  const at = found.findIndex((option) => option.classList.contains("is-active"));
  const move = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1 }[event.key];
  if (move !== undefined) {
    event.preventDefault();
    activate(field, found[(move + found.length) % found.length]);
  } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    found[at]?.click();
  }
});
