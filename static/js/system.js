// The System page is copied as text, and so are the commands of its notes. Its fields save as they are chosen.

const SAID = 2_000; // ms that a button says what it did

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-text]");
  if (!button) return;
  const copied = await copy(document.getElementById(button.dataset.copyText).textContent);
  say(button, copied ? "Copied" : "Not copied: select it and press Ctrl C");
});

// What was pressed goes with its answer: the field that it is about keeps the focus.
document.addEventListener("submit", (event) => {
  event.target.closest(".system-row")?.querySelector("select")?.focus();
});

// Without HTTPS browsers have no clipboard but the one of a selection.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.className = "vh";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}

function say(button, words) {
  const label = button.querySelector("[data-copy-words]");
  label.dataset.copyWords ||= label.textContent;
  label.textContent = words;
  setTimeout(() => (label.textContent = label.dataset.copyWords), SAID);
}
