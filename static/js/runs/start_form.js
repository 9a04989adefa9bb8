// The form that starts a run, where it has files: what is wrong comes into the page, so that chosen files stay chosen.

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const form = document.getElementById("start-form");
  if (ctx.sourceElement === form) form.querySelector("[aria-invalid=true]")?.focus();
});
