// The panel of one answer beside the grid of a batch: it closes, and the answer that it was about gets the focus.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-close-cell]");
  if (button) closeAnswer(button);
});

document.addEventListener("keydown", (event) => {
  const button = event.key === "Escape" && event.target.closest("#batch-detail")?.querySelector("[data-close-cell]");
  if (button) closeAnswer(button);
});

function closeAnswer(button) {
  const cell = document.getElementById(button.dataset.closeCell);
  const panel = document.getElementById("batch-detail");
  panel.replaceChildren();
  panel.hidden = true;
  cell?.querySelector("a").focus();
}
