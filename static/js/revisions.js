// Publish… opens the one dialog, once what is typed beside it is saved; its answer closes it, or says what is wrong.

import { settled } from "./session.js";

const dialog = document.getElementById("publish-dialog");

async function openPublish(link) {
  await settled();
  await htmx.ajax("GET", link.href, { source: link, swap: "none" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-publish]");
  if (!dialog || !link || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  event.preventDefault();
  openPublish(link);
});
dialog?.addEventListener("click", (event) => {
  if (event.target !== dialog && !event.target.closest("[data-close-dialog]")) return;
  event.preventDefault();
  dialog.close();
});
dialog?.addEventListener("close", () => document.getElementById("publish-form")?.replaceChildren());
document.addEventListener("htmx:after:swap", () => {
  const isFilled = Boolean(dialog?.querySelector("form"));
  if (isFilled && !dialog.open) dialog.showModal();
  if (dialog?.open && !isFilled) dialog.close();
});
