// What is shown once is copied by a button.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const lines = [...source.querySelectorAll("li")].map((line) => line.textContent.trim());
  const text = lines.length ? lines.join("\n") : source.textContent.trim();
  const words = button.querySelector("span");
  try {
    await navigator.clipboard.writeText("copyWithoutBlanks" in button.dataset ? text.replaceAll(" ", "") : text);
    say(button, words, "Copied");
  } catch {
    // Without HTTPS a browser lends no clipboard: what is marked can be copied by hand.
    getSelection().selectAllChildren(source);
    say(button, words, "Marked: press Ctrl C");
  }
}

function say(button, words, said) {
  if (words) words.textContent = said;
  else button.setAttribute("aria-label", said);
  button.title = said;
}
