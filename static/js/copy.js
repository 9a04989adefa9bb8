// A button copies a field, a text or a list of the page, the code block it stands in, words of its own, or what an
// address answers, and says so.

const COPIES = ":is(button, a):is([data-copy], [data-copy-code], [data-copy-from], [data-copy-text])";

document.addEventListener("click", (event) => {
  const button = event.target.closest(COPIES);
  if (button) copyFor(button, event);
  event.target.closest("input[data-selects]")?.select();
});

function copyFor(button, event) {
  const { copy, copyFrom, copyText } = button.dataset;
  // A browser has no clipboard for a page that came without https; there, a link leads to what it would have copied.
  if (!navigator.clipboard && button.href) return;
  event.preventDefault();
  if (copy) return copySource(button, document.getElementById(copy));
  if ("copyCode" in button.dataset) return copySource(button, button.closest("figure").querySelector("pre"));
  write(button, copyFrom ? fetchText(copyFrom) : Promise.resolve(copyText));
}

async function fetchText(address) {
  const answer = await fetch(address, { headers: { Accept: "text/plain" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.text();
}

async function write(button, coming) {
  try {
    const text = await coming;
    if (!(await copyToClipboard(text))) throw new Error("no clipboard");
    say(button, "Copied");
  } catch {
    say(button, "Not copied");
  }
}

async function copySource(button, source) {
  if (await copyToClipboard(textOf(source))) return say(button, "Copied");
  select(source);
  say(button, "Selected: press Ctrl C");
}

// Says whether it could.
async function copyToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function textOf(source) {
  const lines = [...source.querySelectorAll("li")].map((line) => line.textContent.trim());
  return source.value ?? (lines.length ? lines.join("\n") : source.textContent);
}

// Without https a browser has no other clipboard.
function copySelected(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.className = "vh";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

const isIcon = (button) => button.hasAttribute("aria-label");

function say(button, words) {
  show(button, words);
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => show(button, button.dataset.words), 4000);
  announce(words);
}

function show(button, words) {
  if (isIcon(button)) {
    button.dataset.words ??= button.title;
    button.title = words;
    return;
  }
  const label = button.lastChild;
  button.dataset.words ??= label.textContent.trim();
  label.textContent = ` ${words}`;
}

function announce(words) {
  let status = document.getElementById("copy-status");
  if (!status) {
    status = Object.assign(document.createElement("p"), { id: "copy-status", className: "vh" });
    status.setAttribute("role", "status");
    document.body.append(status);
  }
  status.textContent = words;
}

function select(source) {
  if (source.select) {
    source.focus();
    source.select();
    return;
  }
  getSelection().selectAllChildren(source);
}
