// A list of options beside the field that has the focus: which of them is active, and the keys that move among them.
// A field with data-listbox is moved and chosen from here; others ask for it.

const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
const offered = (option) => option.getAttribute("aria-disabled") !== "true" && option.getClientRects().length;
const options = (list) => [...list.querySelectorAll("[role=option]")].filter(offered);

export const activeOption = (field) => document.getElementById(field.getAttribute("aria-activedescendant") ?? "");

export function activate(field, list, option) {
  for (const each of list.querySelectorAll("[aria-selected=true]")) each.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  option ? field.setAttribute("aria-activedescendant", option.id) : field.removeAttribute("aria-activedescendant");
}

export const activateFirst = (field, list = listOf(field)) => activate(field, list, options(list)[0]);

// Whether the key was one that moves.
export function moved(event, list) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (!(event.key in steps) || event.altKey) return false;
  event.preventDefault();
  const found = options(list);
  const at = found.indexOf(activeOption(event.target));
  const next = at < 0 && event.key === "ArrowUp" ? -1 : at + steps[event.key];
  activate(event.target, list, found.at(next % found.length));
  return true;
}

// As if it had been typed and the field left: whoever saves it does so at once.
export function fill(field, change) {
  field.focus();
  change();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  const list = event.target.matches?.("[data-listbox]") && listOf(event.target);
  if (!list || event.isComposing || event.defaultPrevented || moved(event, list)) return;
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    activeOption(event.target)?.click();
  }
});
