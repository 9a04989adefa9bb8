// Settings and drafts are saved as they are typed, and nothing typed is lost by leaving: links and buttons that leave
// the page wait until all is saved, and a tab that is closed sends along what is not saved yet.

import { Autosave, leavingLink } from "../autosave.js";

const FORMS = ["setup-form", "columns"];
let asking = false; // a question is on its way, with the drafts

const drafts = () => [...document.querySelectorAll("#composer textarea")];

document.addEventListener("submit", (event) => {
  if (event.target.id === "composer") asking = true;
}, true);
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (asking && FORMS.includes(ctx.sourceElement.id)) for (const field of drafts()) ctx.request.body.delete(field.name);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id === "composer") asking = false;
});

const autosave = new Autosave({
  // A draft belongs to the form of the settings.
  formOf: (field) => {
    if (drafts().includes(field)) return document.getElementById("setup-form");
    return FORMS.includes(field.form?.id) ? field.form : null;
  },
  takenAlong: ({ id }) => (id === "composer" ? FORMS : FORMS.filter((form) => form === id)),
});

document.addEventListener("click", (event) => {
  const link = leavingLink(event);
  if (link) autosave.holds(event, () => link.click());
});
document.addEventListener("submit", (event) => {
  autosave.holds(event, () => event.target.requestSubmit(event.submitter));
});
window.addEventListener("pagehide", () => {
  if (autosave.isSettled || asking) return;
  for (const form of FORMS.map((id) => document.getElementById(id)).filter(Boolean)) {
    const data = new FormData(form);
    if (form.id === "setup-form") for (const field of drafts()) data.set(field.name, field.value);
    navigator.sendBeacon(form.action, data);
  }
});
