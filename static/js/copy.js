// A button copies a field or a text, and says so.

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copyText(button, document.getElementById(button.dataset.copy));
  event.target.closest("input[data-selects]")?.select();
});

async function copyText(button, source) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    say(button, "Copied");
  } catch {
    // A browser has no clipboard for a page that came without https.
    select(source);
    say(button, "Selected: press Ctrl C");
  }
}

function say(button, words) {
  const label = button.lastChild;
  button.dataset.words ??= label.textContent;
  label.textContent = ` ${words}`;
  button.setAttribute("aria-live", "polite");
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => {
    label.textContent = button.dataset.words;
  }, 4000);
}

function select(source) {
  if (source.select) {
    source.focus();
    source.select();
    return;
  }
  getSelection().selectAllChildren(source);
}
