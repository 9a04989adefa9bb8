// Variables are inserted into the text that had the focus last.

let lastField = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("#composer textarea, #setup-instructions, [id^=example-]")) lastField = event.target;
});

function insert(name, asNew) {
  const field = lastField?.isConnected ? lastField : document.getElementById("draft");
  field.focus();
  const start = field.selectionStart;
  field.setRangeText(`{{ ${name} }}`, start, field.selectionEnd, "end");
  if (asNew) field.setSelectionRange(start + 3, start + 3 + name.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const variable = event.target.closest("[data-insert]");
  if (variable) {
    variable.closest("details").open = false;
    insert(variable.dataset.insert, "new" in variable.dataset);
  } else if (event.target.closest("[data-add-variable]")) {
    insert("name", true);
  }
});

// What a question cannot go without gets the focus, wherever it is folded away.
document.addEventListener("variables-empty", () => {
  const field = document.querySelector("#variables [aria-invalid]");
  if (!field) return;
  field.closest("details").open = true;
  if (!field.checkVisibility()) document.querySelector("[data-show-setup]")?.click();
  field.focus();
});

// The complaint goes with the first key, or when it is said that this is meant so.
document.addEventListener("input", ({ target }) => {
  const variable = target.closest("#variables .variable");
  const choice = variable?.querySelector(".leave-empty");
  if (!choice) return;
  const field = variable.querySelector(".input");
  field.removeAttribute("aria-invalid");
  document.getElementById(`message-${field.id}`).replaceChildren();
  choice.hidden = field.value !== "";
});
