// Saves forms as they are typed: a pause after the last key, at once when something is chosen or a field is left. One
// save at a time for each form: what is typed meanwhile goes with the next. A form says itself where it is saved, and
// has save-now among its triggers.

const PAUSE = 600; // ms after the last key

export class Autosave {
  #unsaved = new Set(); // ids of forms with something typed that no request has taken along
  #unanswered = new Set(); // ids of forms whose last save got no answer
  #requests = new Map(); // on their way -> ids of the forms that they take along
  #timers = new Map(); // by id of the form
  #waiting = []; // resolvers of `settled`
  #leaving = false;

  // formOf(field): the form that a field is saved with, if any. takenAlong(element): ids of the forms that a request of
  // the element takes along. isHalf(field): whether a key in it saves nothing yet. The others are called by each save.
  constructor({ formOf, takenAlong, isHalf = () => false, before = () => {}, after = () => {}, failed = () => {} }) {
    Object.assign(this, { formOf, takenAlong, isHalf, before, after, failed });
    document.addEventListener("input", (event) => this.#typed(event.target));
    document.addEventListener("change", (event) => this.#left(event.target));
    document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => this.#begun(ctx));
    document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => this.#ended(ctx));
    document.addEventListener("htmx:error", ({ detail: { ctx } }) => this.#lost(ctx));
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

  // Once nothing typed is on its way: whether all of it was taken.
  settled() {
    for (const id of this.#unanswered) this.#unsaved.add(id);
    this.#unanswered.clear();
    for (const id of this.#unsaved) this.#save(id);
    return this.isSettled ? Promise.resolve(true) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Whether a press that leaves the page has to wait; it is then done by `leave`. A second press does not wait.
  holds(event, leave) {
    if (event.defaultPrevented || this.#leaving || this.isSettled) return false;
    event.preventDefault();
    this.#leaving = true;
    this.settled().then((taken) => {
      leave(taken);
      this.#leaving = false;
    });
    return true;
  }

  #save(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const form = document.getElementById(id);
    if (!form || !this.#unsaved.has(id) || this.#isOnItsWay(id)) return;
    this.before(form);
    htmx.trigger(form, "save-now");
  }

  #isOnItsWay(id) {
    return [...this.#requests.values()].some((ids) => ids.includes(id));
  }

  #typed(field) {
    const form = this.formOf(field);
    if (!form) return;
    this.#unsaved.add(form.id);
    clearTimeout(this.#timers.get(form.id));
    this.#timers.delete(form.id);
    if (!this.isHalf(field)) this.#timers.set(form.id, setTimeout(() => this.#save(form.id), PAUSE));
  }

  #left(field) {
    const form = this.formOf(field);
    if (!form || form !== field.form) return;
    // A text has said so with its last key; saving it again would renew what is being clicked now.
    if (field.matches("select, [type=checkbox]")) this.#unsaved.add(form.id);
    this.#save(form.id);
  }

  #begun(ctx) {
    const ids = this.takenAlong(ctx.sourceElement);
    if (!ids.length) return;
    this.#requests.set(ctx, ids);
    for (const id of ids) {
      this.#unsaved.delete(id);
      this.#unanswered.delete(id);
    }
  }

  #ended(ctx) {
    if (!this.#requests.delete(ctx)) return;
    const taken = ctx.response?.status === 200;
    this.after(taken);
    this.#goOn(taken);
  }

  #lost(ctx) {
    const ids = this.#requests.get(ctx);
    if (!ids) return;
    this.#requests.delete(ctx);
    for (const id of ids) this.#unanswered.add(id);
    this.failed();
    this.#goOn(false);
  }

  #goOn(taken) {
    for (const id of this.#unsaved) if (!this.#timers.has(id)) this.#save(id);
    if (this.#requests.size || this.hasUnsaved) return;
    for (const resolve of this.#waiting.splice(0)) resolve(taken);
  }
}

// The link of a click that leads away from what is open, in this tab.
export function leavingLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  return link.getAttribute("href").startsWith("#") ? null : link;
}
