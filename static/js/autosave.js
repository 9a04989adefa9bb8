// Saves forms as they are typed: a pause after the last key, at once when something is chosen or a field is left. One
// save at a time for each form: what is typed meanwhile goes with the next. A form says itself where it is saved, and
// has save-now among its triggers. What could not be sent waits in its fields, which say so, and is saved as soon as
// the person is back (session.js).

import { addSaver, changes, isAway, sayWhatWaits, timeOf } from "./session.js";

const PAUSE = 600; // ms after the last key
const AGAIN = 3_000; // ms until what got no answer is sent again
const FRESH = 5_000; // ms after its last key during which half a key may grow

export class Autosave {
  #unsaved = new Set(); // ids of forms with something typed that no request has taken along
  #unanswered = new Set(); // ids of forms whose last save got no answer
  #requests = new Map(); // on their way -> { ids, unsaved, since }: forms that they take along, those with changes
  #timers = new Map(); // by id of the form
  #typedAt = new Map(); // fields with something that is not stored -> { form, at }
  #late = 0; // changes that had to wait
  #waiting = []; // resolvers of `settled`
  #leaving = false;

  // formOf(field): the form that a field is saved with, if any. takenAlong(element): ids of the forms that a request of
  // the element takes along. isHalf(field): whether a key in it saves nothing yet. isHeld(): whether
  // something typed waits for a choice, so that no save follows another by itself. nameOf(): of what the changes are.
  // waits(count): as many changes cannot be saved just now. The others are called by each save.
  constructor({
    formOf, takenAlong, isHalf = () => false, isHeld = () => false, nameOf = () => "", waits = () => {},
    before = () => {}, after = () => {}, failed = () => {},
  }) {
    Object.assign(this, { formOf, takenAlong, isHalf, isHeld, waits, before, after, failed });
    document.addEventListener("input", (event) => this.#typed(event.target));
    document.addEventListener("change", (event) => this.#left(event.target));
    document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => this.#begun(ctx));
    document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => this.#ended(ctx));
    document.addEventListener("htmx:error", ({ detail: { ctx } }) => this.#lost(ctx));
    document.addEventListener("session:away", () => this.#sayUnsaved());
    document.addEventListener("session:back", () => this.#back());
    addSaver({ count: () => ({ changes: this.#unstored().length, of: nameOf() }), settled: () => this.settled() });
  }

  get hasUnsaved() {
    return [...this.#unsaved].some((id) => document.getElementById(id));
  }

  get isSettled() {
    const unanswered = [...this.#unanswered].some((id) => document.getElementById(id));
    return !this.hasUnsaved && !unanswered && !this.#requests.size;
  }

  // Says that the form has something to save, and saves it.
  save(form) {
    this.#unsaved.add(form.id);
    this.#save(form.id);
  }

  // Once nothing typed is on its way: whether all of it was taken. Not while nobody can take it.
  settled() {
    for (const id of this.#unanswered) this.#unsaved.add(id);
    this.#unanswered.clear();
    for (const id of this.#unsaved) this.#save(id);
    if (this.isSettled || isAway()) return Promise.resolve(this.isSettled);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Whether a press that leaves the page has to wait; it is then done by `leave`. A second press does not wait, except
  // for somebody who has to come back first.
  holds(event, leave) {
    if (event.defaultPrevented || this.#leaving || this.isSettled) return false;
    event.preventDefault();
    this.#leaving = true;
    this.settled().then((taken) => {
      if (taken || !isAway()) leave(taken);
      this.#leaving = false;
    });
    return true;
  }

  #save(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const form = document.getElementById(id);
    if (!form || !this.#unsaved.has(id) || this.#isOnItsWay(id)) return;
    if (isAway()) return this.#sayUnsaved();
    this.before(form);
    htmx.trigger(form, "save-now");
  }

  #isOnItsWay(id) {
    return [...this.#requests.values()].some(({ ids }) => ids.includes(id));
  }

  #typed(field) {
    const form = this.formOf(field);
    if (!form) return;
    this.#note(field, form);
    this.#unsaved.add(form.id);
    clearTimeout(this.#timers.get(form.id));
    this.#timers.delete(form.id);
    if (!this.isHalf(field)) this.#saveIn(PAUSE, form.id);
  }

  #left(field) {
    const form = this.formOf(field);
    if (!form || form !== field.form) return;
    // A text has said so with its last key; saving it again would renew what is being clicked now.
    if (field.matches("select, [type=checkbox]")) {
      this.#note(field, form);
      this.#unsaved.add(form.id);
    }
    this.#save(form.id);
  }

  #saveIn(pause, id) {
    this.#timers.set(id, setTimeout(() => this.#save(id), pause));
  }

  #begun(ctx) {
    const ids = this.takenAlong(ctx.sourceElement);
    if (!ids.length) return;
    const unsaved = ids.filter((id) => this.#unsaved.has(id) || this.#unanswered.has(id));
    this.#requests.set(ctx, { ids, unsaved, since: Date.now() });
    for (const id of ids) {
      this.#unsaved.delete(id);
      this.#unanswered.delete(id);
    }
  }

  #ended(ctx) {
    const request = this.#requests.get(ctx);
    if (!request) return;
    this.#requests.delete(ctx);
    const status = ctx.response?.status;
    if (ctx.unsent || status === 503) return this.#keep(request);
    if (status === 403) return this.#refuse();
    // Too large, or not readable: it is not stored, and asked about before the page is left.
    if (status >= 500 || [400, 413].includes(status)) for (const id of request.ids) this.#unanswered.add(id);
    else this.#forget(request);
    const taken = status === 200;
    this.after(taken);
    this.#sayLate(taken);
    this.#goOn(taken);
  }

  #lost(ctx) {
    const request = this.#requests.get(ctx);
    if (!request) return;
    this.#requests.delete(ctx);
    for (const id of request.ids) this.#unanswered.add(id);
    this.failed();
    this.#goOn(false);
  }

  #keep({ unsaved }) {
    for (const id of unsaved) {
      this.#unsaved.add(id);
      if (!isAway()) this.#saveIn(AGAIN, id);
    }
    this.#sayUnsaved();
    this.#goOn(false);
  }

  // Whoever may not save any more reads why, and keeps what they typed. It is not sent again by itself.
  #refuse() {
    this.after(false);
    this.#sayUnsaved();
    this.#goOn(false);
  }

  #goOn(taken) {
    for (const id of this.#unsaved) if (!this.#timers.has(id) && !this.isHeld()) this.#save(id);
    if (this.#requests.size || (this.hasUnsaved && !isAway())) return;
    for (const resolve of this.#waiting.splice(0)) resolve(taken && !this.hasUnsaved);
  }

  // What was typed into which field and when, until it is stored.

  #note(field, form) {
    this.#typedAt.set(field, { form: form.id, at: Date.now() });
    if (isAway()) this.#sayUnsaved();
  }

  #unstored() {
    return [...this.#typedAt].filter(([field]) => field.isConnected).map(([field, typed]) => ({ field, ...typed }));
  }

  #forget({ ids, since }) {
    for (const [field, { form, at }] of this.#typedAt) {
      if (!field.isConnected || (ids.includes(form) && at <= since)) this.#typedAt.delete(field);
    }
  }

  #sayUnsaved() {
    const found = this.#unstored();
    if (!found.length) return;
    this.#late = found.length;
    for (const { field, at } of found) sayUnsaved(field, new Date(at));
    const label = savedLabel();
    if (label) {
      label.replaceChildren(document.getElementById("changes-wait").content.cloneNode(true));
      label.querySelector("span").textContent = `${changes(found.length)} wait${found.length === 1 ? "s" : ""}`;
      label.classList.add("is-waiting");
    }
    this.waits(found.length);
    sayWhatWaits();
  }

  #sayLate(taken) {
    if (!this.#late || this.#unstored().length) return;
    for (const note of document.querySelectorAll(".field-unsaved")) forgetNote(note);
    const label = savedLabel();
    if (label) {
      if (taken) label.textContent = `${label.textContent.trim()}, ${changes(this.#late)}`;
      label.classList.remove("is-waiting");
    }
    this.#late = 0;
    this.waits(0);
  }

  #back() {
    for (const id of this.#unanswered) this.#unsaved.add(id);
    this.#unanswered.clear();
    for (const id of this.#unsaved) {
      const grows = this.#unstored().some(({ field, at }) => field === document.activeElement && this.isHalf(field)
        && Date.now() - at < FRESH);
      if (grows) this.#saveIn(FRESH, id);
      else this.#save(id);
    }
  }
}

const savedLabel = () => document.querySelector("[data-saved]") ?? document.getElementById("saved");

function sayUnsaved(field, at) {
  const place = field.closest(".field") ?? field.parentElement;
  let note = place.querySelector(":scope > .field-unsaved");
  if (!note) {
    note = document.getElementById("not-saved-yet").content.firstElementChild.cloneNode(true);
    note.id = `unsaved-${field.id || field.name}`;
    place.matches(".field") ? place.append(note) : field.after(note);
  }
  note.querySelector("time").textContent = timeOf(at);
  if (!describedBy(field).includes(note.id)) describe(field, [...describedBy(field), note.id]);
}

function forgetNote(note) {
  for (const field of document.querySelectorAll(`[aria-describedby~="${CSS.escape(note.id)}"]`)) {
    describe(field, describedBy(field).filter((id) => id !== note.id));
  }
  note.remove();
}

const describedBy = (field) => (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);

function describe(field, ids) {
  if (ids.length) field.setAttribute("aria-describedby", ids.join(" "));
  else field.removeAttribute("aria-describedby");
}

// The link of a click that leads away from what is open, in this tab.
export function leavingLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  return link.getAttribute("href").startsWith("#") ? null : link;
}
