// Settings and draft are saved as they are typed, one save after another, and nothing typed is lost by leaving:
// links and buttons that leave the page wait until all is saved (a second press does not wait), and a tab that is
// closed sends along what is not saved yet.

const PAUSE = 600; // ms after the last key; forms with hx-trigger say the same
const SAVING = "#setup-form, #columns";
const touched = new Set(); // forms with something typed that no request has taken along
const going = new Set(); // requests that have not been answered
let timer = 0;
let asking = false;
let leave = null;

const drafts = () => [...document.querySelectorAll("#composer textarea")];
const setup = () => document.getElementById("setup-form");
const save = (form) => htmx.trigger(form, "save-now");
const isSettled = () => !touched.size && !going.size;

// A draft belongs to the form of the settings, and not while its question is on its way.

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches(SAVING)) touched.add(form);
  if (form?.id !== "composer" || !event.target.matches("textarea")) return;
  touched.add(setup());
  clearTimeout(timer);
  timer = setTimeout(() => asking || save(setup()), PAUSE);
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "composer") return;
  clearTimeout(timer);
  asking = true;
}, true);
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  const { id } = ctx.sourceElement;
  if (id === "composer") touched.clear();
  else if (!ctx.sourceElement.matches(SAVING)) return;
  touched.delete(ctx.sourceElement);
  going.add(ctx);
  if (asking && id !== "composer") for (const field of drafts()) ctx.request.body.delete(field.name);
});
document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.sourceElement.id === "composer") asking = false;
  if (!going.delete(ctx) || !leave || !isSettled()) return;
  leave();
  leave = null;
});

// Leaving

function wait(event, again) {
  if (event.defaultPrevented || leave || isSettled()) return;
  event.preventDefault();
  leave = again;
  for (const form of touched) save(form);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (!link.getAttribute("href").startsWith("#")) wait(event, () => link.click());
});
document.addEventListener("submit", (event) => {
  wait(event, () => event.target.requestSubmit(event.submitter));
});
window.addEventListener("pagehide", () => {
  if (isSettled() || asking) return;
  for (const form of document.querySelectorAll(SAVING)) {
    const data = new FormData(form);
    if (form === setup()) for (const field of drafts()) data.set(field.name, field.value);
    navigator.sendBeacon(form.action, data);
  }
});
