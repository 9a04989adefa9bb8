// A list that looks for news by itself waits while one of its menus is open, which would be closed.

document.addEventListener("htmx:before:request", (event) => {
  const list = document.getElementById(event.detail.ctx.sourceElement.dataset?.looksForNews);
  if (list?.querySelector("details[open]")) event.preventDefault();
});
