// Answers and their code blocks are copied by a button.

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy], [data-copy-code]");
  if (button) copyText(button);
});

async function copyText(button) {
  const { copy } = button.dataset;
  const source = copy ? document.getElementById(copy) : button.closest("figure").querySelector("pre");
  await navigator.clipboard.writeText(source.textContent);
  button.setAttribute("aria-label", "Copied");
  button.title = "Copied";
}

// Code blocks of answers get the button here; without scripts they need none.
function offerCopies() {
  const sprite = document.querySelector(".icon use")?.getAttribute("href").split("#")[0];
  for (const caption of document.querySelectorAll("figure[data-copy] > figcaption:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn-icon";
    button.dataset.copyCode = "";
    button.title = "Copy";
    button.setAttribute("aria-label", "Copy the code");
    button.innerHTML =
      `<svg class="icon" width="14" height="14" aria-hidden="true"><use href="${sprite}#copy"></use></svg>`;
    caption.append(button);
  }
}

const talk = document.querySelector("[data-talk]");
if (talk) {
  offerCopies();
  new MutationObserver(offerCopies).observe(talk, { childList: true, subtree: true });
}
