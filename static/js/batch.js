// The pages of batches: rows of checks, and the panel of one answer.

const checks = document.getElementById("checks");
const add = document.querySelector("[data-add-check]");

const bound = () => { if (add) add.disabled = checks.children.length >= Number(checks.dataset.most); };

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-add-check]")) {
    checks.append(document.getElementById("check-template").content.cloneNode(true));
    checks.lastElementChild.querySelector("select").focus();
    bound();
  }
  const remove = event.target.closest("[data-remove-check]");
  if (remove) {
    const check = remove.closest(".check");
    const next = check.nextElementSibling ?? check.previousElementSibling;
    check.remove();
    (next?.querySelector("select") ?? add).focus();
    bound();
  }
  const close = event.target.closest("[data-close-cell]");
  if (close) closed(close);
});

document.addEventListener("keydown", (event) => {
  const close = event.key === "Escape" && event.target.closest("#batch-detail")?.querySelector("[data-close-cell]");
  if (close) closed(close);
});

function closed(button) {
  const cell = document.getElementById(button.dataset.closeCell);
  const panel = document.getElementById("batch-detail");
  panel.replaceChildren();
  panel.hidden = true;
  cell?.querySelector("a").focus();
}

bound();
