// The talk by mouse and keyboard: send and stop, attach images, insert variables, copy, keep the end in view.
// What is saved, sent and shown is the server's business; saving.js says when.

const room = document.querySelector("[data-playground]");
const byId = (id) => document.getElementById(id);
const draft = () => byId("draft");
const MOST_IMAGES = 5;
const NEAR = 60; // px

document.addEventListener("asked", () => {
  for (const field of document.querySelectorAll("#composer textarea")) field.value = "";
  setImages([]);
  toLatest();
  draft()?.focus();
});

// Keys

document.addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key === "Enter") {
    const edit = event.target.closest(".edit-form");
    if (!edit && !event.target.closest("#composer, #setup-form")) return;
    event.preventDefault();
    const form = edit ?? byId("composer");
    if (edit || document.querySelector("[data-send]")) form?.requestSubmit();
  } else if (control && event.key === ".") {
    document.querySelector("[data-stop]")?.click();
  } else if (event.key === "Escape" && event.target.closest(".edit-form")) {
    event.target.closest(".edit-form").querySelector("[data-cancel]").click();
  }
});

// Images are files of the form; what is pasted joins them.

function setImages(files) {
  const field = document.querySelector("[data-images]");
  if (!field) return;
  const kept = new DataTransfer();
  for (const file of files.slice(0, MOST_IMAGES)) kept.items.add(file);
  field.files = kept.files;
  showImages([...field.files]);
}

function showImages(files) {
  const thumbs = document.querySelector("[data-thumbs]");
  thumbs.replaceChildren(...files.map((file, at) => {
    const thumb = document.createElement("span");
    thumb.className = "thumb";
    const picture = document.createElement("img");
    picture.alt = file.name;
    const reader = new FileReader();
    reader.addEventListener("load", () => { picture.src = reader.result; });
    reader.readAsDataURL(file);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn-icon";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.textContent = "×";
    remove.addEventListener("click", () => {
      setImages(attached.filter((_, other) => other !== at));
      draft().focus();
    });
    thumb.append(picture, remove);
    return thumb;
  }));
  attached = files;
}

let attached = [];

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-images]")) setImages([...attached, ...event.target.files]);
});
document.addEventListener("paste", (event) => {
  if (!event.target.closest("#composer")) return;
  const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
  if (!files.length) return;
  event.preventDefault();
  setImages([...attached, ...files]);
});

// Variables

let lastField = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("#composer textarea, #setup-instructions, [id^=example-]")) lastField = event.target;
});

function insert(name, asNew) {
  const field = lastField?.isConnected ? lastField : draft();
  field.focus();
  const start = field.selectionStart;
  field.setRangeText(`{{ ${name} }}`, start, field.selectionEnd, "end");
  if (asNew) field.setSelectionRange(start + 3, start + 3 + name.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const target = event.target;
  const variable = target.closest("[data-insert]");
  if (variable) {
    variable.closest("details").open = false;
    return insert(variable.dataset.insert, "new" in variable.dataset);
  }
  if (target.closest("[data-add-variable]")) return insert("name", true);
  const expand = target.closest("[data-expand]");
  if (expand) {
    const open = byId(expand.dataset.expand).classList.toggle("is-expanded");
    expand.setAttribute("aria-expanded", String(open));
    expand.textContent = open ? "Fold" : "Expand";
    return;
  }
  const copy = target.closest("button[data-copy], [data-copy-code]");
  if (copy) return copyText(copy);
  if (target.closest("[data-latest]")) return toLatest();
  const differences = target.closest("[data-differences]");
  if (differences) {
    const on = differences.getAttribute("aria-checked") !== "true";
    differences.setAttribute("aria-checked", String(on));
    return htmx.ajax("GET", differences.dataset.differences + (on ? "" : "?hide"), { target: "#differences", swap: "none" });
  }
  const settings = target.closest("[data-show-setup]");
  if (settings) {
    const open = room.classList.toggle("shows-setup");
    settings.setAttribute("aria-expanded", String(open));
    if (open) byId("setup").querySelector("select, input:not([type=hidden]), textarea")?.focus();
    return;
  }
  const tab = target.closest("[data-view]");
  if (tab) {
    event.preventDefault();
    show(tab.dataset.view);
  }
});

async function copyText(button) {
  const source = button.dataset.copy ? byId(button.dataset.copy) : button.closest("figure").querySelector("pre");
  await navigator.clipboard.writeText(source.textContent);
  button.setAttribute("aria-label", "Copied");
  button.title = "Copied";
}

// Code blocks of answers get a button to copy them; without scripts they need none.
function offerCopies() {
  const sprite = document.querySelector(".icon use")?.getAttribute("href").split("#")[0];
  for (const caption of document.querySelectorAll("figure[data-copy] > figcaption:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn-icon";
    button.dataset.copyCode = "";
    button.title = "Copy";
    button.setAttribute("aria-label", "Copy the code");
    button.innerHTML = `<svg class="icon" width="14" height="14" aria-hidden="true"><use href="${sprite}#copy"></use></svg>`;
    caption.append(button);
  }
}

// Chat and Code

function show(view) {
  for (const tab of document.querySelectorAll("[data-view]")) {
    const on = tab.dataset.view === view;
    tab.setAttribute("aria-selected", String(on));
    byId(`${tab.dataset.view}-panel`).hidden = !on;
  }
  history.replaceState(null, "", view === "chat" ? location.pathname : `?view=${view}`);
  if (view === "code") htmx.trigger(byId("code-view"), "show-code");
}

document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-view]") || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  event.preventDefault();
  const other = [...document.querySelectorAll("[data-view]")].find((tab) => tab !== event.target);
  show(other.dataset.view);
  other.focus();
});

document.addEventListener("setup-saved", () => {
  if (!byId("code-panel").hidden) htmx.trigger(byId("code-view"), "show-code");
});

// The end stays in view while the reader is at the end, and not otherwise.

const talk = document.querySelector("[data-talk]");
let following = true;

const scroller = () => (talk.scrollHeight > talk.clientHeight + 1 ? talk : document.documentElement);
const atEnd = () => {
  const page = scroller();
  return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR;
};

function toLatest() {
  following = true;
  const page = scroller();
  page.scrollTop = page.scrollHeight;
  offerLatest();
}

function offerLatest() {
  const button = document.querySelector("[data-latest]");
  if (button) button.hidden = following;
}

function scrolled() {
  following = atEnd();
  offerLatest();
}

if (talk) {
  talk.addEventListener("scroll", scrolled, { passive: true });
  window.addEventListener("scroll", scrolled, { passive: true });
  offerCopies();
  new MutationObserver(() => {
    offerCopies();
    if (following) toLatest();
  }).observe(talk, { childList: true, subtree: true, characterData: true });
}

// An edit begins where it can be typed.
document.addEventListener("htmx:finally:request", () => {
  const field = document.querySelector("[data-edit]:not([data-focused])");
  if (!field) return;
  field.dataset.focused = "";
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
});

window.addEventListener("load", () => {
  if (talk) toLatest();
  if (room && !byId("code-panel")?.hidden) show("code");
});
