// Two people at one flow. Every request says which revision the page shows, so that the server merges and answers with
// what is new; a quiet page asks by itself. What somebody types is never replaced by what others have changed.

import { leavingLink } from "../autosave.js";
import { autosave } from "./panel.js";

const EVERY = 10_000; // ms between two questions
const FORM = "properties-form";
const designer = document.querySelector("[data-designer]");
const marks = new Map(); // what others have changed, by action, until its panel is opened
let kept = null; // of the panel, before it is renewed
let focused = null; // id of the field whose conflict was decided
let pressed = null; // a link that leads away from what is not decided yet

const panel = () => document.getElementById("panel");
const selected = () => panel()?.dataset.panel || "";
const base = () => document.getElementById("base")?.value ?? "";
const newUrl = designer.dataset.newUrl;

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  ctx.request.headers["X-Flow-Base"] = base();
  if (ctx.request.action.includes(newUrl)) ctx.request.headers["X-Unattended"] = "true";
});

function ask() {
  const isAway = document.getElementById("session-bar")?.childElementCount > 0;
  if (document.hidden || isAway || !autosave.isSettled || panel()?.querySelector("[data-conflict]")) return;
  const { published } = document.getElementById("revision-tag").dataset;
  const values = { base: base(), action: selected(), published };
  htmx.ajax("GET", newUrl, { source: document.getElementById("merge-notice"), swap: "none", values });
}
setInterval(ask, EVERY);
document.addEventListener("visibilitychange", ask);

const words = (summary) => summary.firstChild.textContent.trim();
const idOf = ({ target }) => (typeof target === "string" ? target.replace(/^#/, "") : target?.id);

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  ctx.flowBase = ctx.request.body?.get?.("base") ?? ctx.request.headers["X-Flow-Base"];
});

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  const isQuestion = ctx.request.action.includes(newUrl);
  const ofPanel = tasks.filter((task) => idOf(task) === "panel");
  // Where it is scrolled to is asked only then: the question lays the chart out, and a run changes that all the time.
  kept = ofPanel.length && panel() && {
    action: selected(),
    top: panel().scrollTop,
    open: [...panel().querySelectorAll("details.disclosure[open] > summary")].map(words),
  };
  const bringsNews = tasks.some((task) => idOf(task) === "merge-notice");
  const ofThisPage = isQuestion || ["flow-edit", FORM].includes(ctx.sourceElement?.id);
  const only = (some) => tasks.splice(0, tasks.length, ...some);
  if (autosave.hasUnsaved && ofThisPage) {
    // What was typed since the request began is saved again at once, on the revision that the page still shows, and
    // brings the same news once more.
    if (isQuestion || bringsNews) event.preventDefault();
    else only(tasks.filter((task) => !ofPanel.includes(task)));
  } else if (ctx.flowBase !== base() && tasks.some((task) => idOf(task) === "saved")) {
    // Another answer was quicker: what this one changes of the chart is there already, or is asked for again.
    if (isQuestion) event.preventDefault();
    else only(ofPanel);
    setTimeout(ask);
  }
});

document.addEventListener("htmx:after:swap", () => {
  if (kept && kept.action && kept.action === selected()) {
    for (const summary of panel().querySelectorAll("details.disclosure > summary")) {
      if (kept.open.includes(words(summary))) summary.parentElement.open = true;
    }
    if (kept.top) panel().scrollTop = kept.top; // else it would be laid out for nothing
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  focused = null;
  for (const mark of document.querySelectorAll("#merge-notice [data-mark]")) {
    if (!("seen" in mark.dataset)) marks.set(mark.dataset.mark, { ...mark.dataset, label: mark.textContent });
    mark.dataset.seen = "";
  }
  marks.delete(selected());
  for (const chip of document.querySelectorAll(".card-mark")) if (!marks.has(chip.dataset.of)) chip.remove();
  for (const [id, mark] of marks) showMark(id, mark);
});

// What is not decided yet would be lost with the panel: the first press leads to the choice, the second away.
document.addEventListener("click", (event) => {
  const [link, note] = [leavingLink(event), panel()?.querySelector("[data-conflict]")];
  if (!link || !note || note.contains(link) || link === pressed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  pressed = link;
  note.querySelector("[data-decide]").focus();
}, true);

function showMark(id, { initials, who, label }) {
  const title = document.querySelector(`#flowchart [data-card="${CSS.escape(id)}"]`);
  if (!title) return;
  const chip = document.createElement("span");
  chip.className = "card-mark";
  chip.dataset.of = id;
  const part = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };
  chip.append(part("span", "vh", `${who} changed: `), part("span", "merge-person", initials), part("b", "", label));
  chip.querySelector(".merge-person").setAttribute("aria-hidden", "true");
  title.parentElement.querySelector(".card-mark")?.remove();
  title.after(chip);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss-merge]")) document.getElementById("merge-notice").replaceChildren();
  // The choice goes with the form, which is saved by the press itself.
  const decided = event.target.closest("[data-decide]");
  if (!decided) return;
  const choice = decided.closest("[data-conflict]").querySelector("[data-choice]");
  choice.name = decided.name;
  choice.value = decided.value;
  focused = decided.closest(".field, .branch-row")?.querySelector("input:not([type=hidden]), textarea, select")?.id;
});
