// Code blocks of answers get their button here; without scripts they need none.
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
