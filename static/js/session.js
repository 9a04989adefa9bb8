// Whether the person of this page is still there: signed in, and with a connection. While not, a bar says so, what was
// typed is kept, what needs the server is disabled, and the page looks again by itself until it can go on. Nothing is
// sent meanwhile. Says session:away and session:back to whoever saves.

const { person, session, timeZone } = document.body.dataset;
const bar = document.getElementById("session-bar");
const channel = new BroadcastChannel("foundryflow-session");

const LONGEST = 10_000; // ms that an answer may take
const AGAIN = 4_000; // ms between two looks while away
const UNSEEN = 60_000; // ms in the background after which a page looks when it is seen again

let away = ""; // "signed-out", "offline", "unavailable" or "other" (somebody else); empty while all is well
let looking = null; // the look on its way
let next = 0; // timer of the next one
let held = null; // a form of a page to be sent as soon as it can be
const savers = []; // who saves: { count() says what waits, as { changes, of }; settled() tells when nothing does }

export const isAway = () => away !== "";
export const timeOf = (date) =>
  date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: timeZone || undefined });
export const changes = (count) => `${count} change${count === 1 ? "" : "s"}`;
export const addSaver = (saver) => savers.push(saver);
export const settled = () => Promise.all(savers.map((saver) => saver.settled()));

// Whether this page may go on as it is. Takes up the token of a new session.
export function look() {
  looking ??= findSession().then((found) => {
    looking = null;
    if (found.token) takeUp(found.token);
    become(found.away, found.name);
    return !found.away;
  });
  return looking;
}

async function findSession() {
  try {
    const headers = { "X-Unattended": "1", Accept: "application/json" };
    const answer = await fetch(session, { headers, cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
    if (!answer.ok) return { away: "unavailable" };
    const found = await answer.json();
    if (!found.person) return { away: "signed-out" };
    return String(found.person) === person ? { away: "", token: found.token } : { away: "other", name: found.name };
  } catch {
    return { away: "offline" };
  }
}

function takeUp(token) {
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": token }));
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
}

function become(now, name = "") {
  const before = away;
  away = now;
  clearTimeout(next);
  if (away) next = setTimeout(look, AGAIN);
  if (away === before) return;
  if (away) return show(name, before);
  bar.replaceChildren();
  enable();
  for (const stream of document.querySelectorAll("[hx-sse\\:connect]")) htmx.process(stream);
  document.dispatchEvent(new Event("session:back"));
  if (held?.form.isConnected) submit(held);
  held = null;
}

// ---- the bar

function show(name, before) {
  bar.replaceChildren(document.getElementById(`session-${away}`).content.cloneNode(true));
  const other = bar.querySelector("[data-other]");
  if (other) other.textContent = name;
  if (!before) disable();
  document.dispatchEvent(new Event("session:away"));
  sayWhatWaits();
}

const waiting = () => savers.map((saver) => saver.count()).filter((each) => each.changes);

export function sayWhatWaits() {
  const place = bar.querySelector("[data-waiting]");
  if (!place) return;
  const found = waiting();
  const sum = found.reduce((total, each) => total + each.changes, 0);
  const of = found[0]?.of ? ` of ${found[0].of}` : "";
  const [wait, are] = sum === 1 ? ["waits", "is saved by itself"] : ["wait", "are saved by themselves"];
  const words = [sum ? `${changes(sum)}${of} ${wait} here and ${are} afterwards.` : ""];
  if (held) words.push("The form is sent by itself afterwards.");
  const said = words.filter(Boolean).join(" ");
  if (place.textContent !== said) place.textContent = said;
}

// ---- what needs the server

const NEEDS_SERVER = [
  "[hx-post], [hx-get], [hx-put], [hx-patch], [hx-delete]",
  "[data-insert-type], [data-place], [data-add-action], [data-verb], [data-undo], [data-redo]",
  "[data-run], [data-stop], [data-send], [data-publish], [data-new-connection]",
].join();
const isButton = (element) => element.matches("button, a.btn, [type=checkbox][data-new-connection]");
const sends = (button) => button.type === "submit" && button.form?.matches("[hx-post]");
const disabled = new Set();
let focused = null; // where the focus was when its button was disabled
let pressing = false; // a button that is being pressed says what was not done

function disable() {
  if (!away || pressing) return;
  const submits = [...document.querySelectorAll("button[type=submit], button:not([type])")].filter(sends);
  for (const button of [...document.querySelectorAll(NEEDS_SERVER), ...submits]) {
    if (!isButton(button) || button.disabled || button.ariaDisabled === "true") continue;
    if (button === document.activeElement) focused = button;
    if (button.matches("a")) button.ariaDisabled = "true";
    else button.disabled = true;
    disabled.add(button);
  }
  fresh.observe(document.body, { childList: true, subtree: true });
}

function released() {
  pressing = false;
  disable();
}

function enable() {
  fresh.disconnect();
  for (const button of disabled) {
    if (button.matches("a")) button.ariaDisabled = null;
    else button.disabled = false;
  }
  disabled.clear();
  if (focused?.isConnected && document.activeElement === document.body) focused.focus();
  focused = null;
}

const fresh = new MutationObserver(disable); // menus that are filled as they open

// ---- requests of htmx

let pressed = null; // what was clicked last, to say what was not done

// Stands for the answer to a request that was not sent, or not answered. `ctx.unsent` says so.
function unsent(ctx) {
  ctx.unsent = true;
  const form = ctx.sourceElement;
  if (form.matches("form[data-held]")) hold({ form, submitter: ctx.sourceEvent?.submitter });
  else if (isDeed(ctx)) sayNotDone();
  return new Response("", { status: away === "signed-out" ? 401 : 503, headers: { "HX-Reswap": "none" } });
}

const isStream = (element) => element.hasAttribute("hx-sse:connect");

// Whether a person meant it to be done: a press, or what a script sends for one.
function isDeed({ sourceElement, sourceEvent, request }) {
  if (isStream(sourceElement)) return false;
  return sourceEvent?.type ? ["click", "submit", "change"].includes(sourceEvent.type) : request.method !== "GET";
}

// What a proxy says in place of a server that is down or is being started anew. Ours says how it is to be shown.
const isOfProxy = (answer) => [502, 503, 504].includes(answer.status) && !answer.headers.has("HX-Reswap");

async function send(ctx, address, request) {
  if (away && !(isDeed(ctx) && (await look()))) return unsent(ctx);
  try {
    let answer = await fetch(address, request);
    if (answer.headers.has("X-Session") && (await look())) answer = await fetch(address, withNewToken(request));
    if (isOfProxy(answer) && (!(await look()) || isDeed(ctx))) return unsent(ctx);
    if (answer.status === 503 && !isDeed(ctx) && !(await look())) return unsent(ctx);
    if (!answer.headers.has("X-Session")) return isStream(ctx.sourceElement) ? unbroken(answer) : answer;
    if (!away) return answer;
  } catch (error) {
    if (request.signal.aborted) throw error;
    await look();
  }
  return unsent(ctx);
}

// The answer to what a script asks for on a press. Without one it is not ok, and the person is told.
export function fetchPart(address) {
  const ctx = { sourceElement: document.body, request: { method: "POST" } };
  const request = { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(LONGEST) };
  return send(ctx, address, request).catch(() => unsent(ctx));
}

// Nothing was done without it, so that the same may be sent again.
function withNewToken(request) {
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  if (request.body?.has?.("csrfmiddlewaretoken")) request.body.set("csrfmiddlewaretoken", token);
  return { ...request, headers: { ...request.headers, "X-CSRFToken": token } };
}

function sayNotDone() {
  const reason = {
    "signed-out": "you are signed out", other: "somebody else is signed in", offline: "no connection",
    unavailable: "the server does not answer",
  }[away];
  const again = pressed ? ` Try “${pressed}” again afterwards.` : "";
  const message = document.getElementById("not-done").content.cloneNode(true);
  message.querySelector("span").textContent =
    reason ? `Not done: ${reason}.${again}` : "No answer came: look before you do it again.";
  document.querySelector("[data-not-done]")?.remove();
  document.getElementById("messages").append(message);
}

function nameOf(element) {
  const name = element?.ariaLabel || element?.innerText || "";
  return name.replace(/\s+/g, " ").trim().slice(0, 60);
}

// ---- streams: one that breaks off is followed again, but not while nobody is there

const lastIds = new WeakMap(); // element -> id of the last event it was sent
const tries = new WeakMap(); // element -> how often it has been tried since something came

function unbroken(answer) {
  if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return answer;
  const reader = answer.body.getReader();
  const pull = async (stream) => {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    done ? stream.close() : stream.enqueue(value);
  };
  const body = new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) });
  return new Response(body, { status: answer.status, headers: answer.headers });
}

function followAgain(stream) {
  const before = tries.get(stream) ?? 0;
  tries.set(stream, before + 1);
  const pause = Math.min(500 * 2 ** before, 30_000) * (0.7 + 0.6 * Math.random());
  setTimeout(() => { if (stream.isConnected && !away) htmx.process(stream); }, pause);
}

// ---- plain forms: sent when it is certain that they arrive as somebody's

const sure = new WeakSet();
const asked = new WeakSet();

const FIELD = "input:not([type=hidden]), select, textarea";

// Where there is nothing to lose the log-in leads back to the page. Who wants to log out is not asked to come back.
function isPlain(form, submitter) {
  const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method");
  const losesSomething = savers.length || [...form.elements].some((field) => field.matches(FIELD));
  return method?.toLowerCase() === "post" && losesSomething && !form.action.endsWith("/logout/");
}

// After what is typed beside it, so that a run is one of what is seen.
async function submit({ form, submitter }) {
  await settled();
  if (away) return hold({ form, submitter });
  sure.add(form);
  form.requestSubmit(submitter?.isConnected && !submitter.disabled ? submitter : undefined);
  sure.delete(form); // a field may have kept it from being sent
}

async function sendPlain(event) {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || sure.has(form) || !isPlain(form, submitter)) return;
  event.preventDefault();
  if (asked.has(form)) return;
  asked.add(form);
  const there = await look();
  asked.delete(form);
  return there ? submit({ form, submitter }) : hold({ form, submitter });
}

function hold(form) {
  held = form;
  sayWhatWaits();
}

function listen() {
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    ctx.fetch = (address, request) => send(ctx, address, request);
    if (ctx.sourceEvent?.type === "every") ctx.request.headers["X-Unattended"] = "1";
    const last = lastIds.get(ctx.sourceElement);
    if (last) ctx.request.headers["Last-Event-ID"] = last;
  });
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.detail.ctx.unsent) event.preventDefault(); // the address stays, too
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (away) setTimeout(disable); // htmx enables what it had disabled
    if (!ctx.unsent && isDeed(ctx)) document.querySelector("[data-not-done]")?.remove();
    const failed = ctx.unsent || ctx.response?.status >= 500;
    if (failed && !away && isStream(ctx.sourceElement)) followAgain(ctx.sourceElement);
  });
  document.addEventListener("htmx:sse:after:message", ({ target, detail: { connection } }) => {
    tries.delete(target);
    lastIds.set(target, connection.lastEventId);
  });
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (!event.detail.connection.attempt) return;
    event.preventDefault();
    followAgain(event.target);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, a, summary");
    pressed = nameOf(button);
    if (disabled.has(button)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
  document.addEventListener("keydown", () => { pressed = null; }, true);
  document.addEventListener("pointerdown", () => { pressing = true; }, true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(released), true);
  window.addEventListener("submit", sendPlain);
  window.addEventListener("beforeunload", (event) => {
    if (away && (held || waiting().length)) event.preventDefault();
  });

  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (away || Date.now() - hiddenAt > UNSEEN) look();
  });
  window.addEventListener("online", look);
  window.addEventListener("offline", look);
  window.addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  channel.addEventListener("message", ({ data }) => { if (away || data !== person) look(); });
}

channel.postMessage(person ?? ""); // the other tabs hear that somebody came or went
if (person) listen();
