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
