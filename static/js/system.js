// What was pressed goes with its answer: the field that it is about keeps the focus.
document.addEventListener("submit", (event) => {
  event.target.closest(".system-row")?.querySelector("select")?.focus();
});
