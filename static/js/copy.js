// A button copies a field or a text of the page, words of its own, or what an address answers, and says so.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from], [data-copy-text]");
  if (button) copyFor(button, event);
  event.target.closest("input[data-selects]")?.select();
});

function copyFor(button, event) {
  const { copy, copyFrom, copyText } = button.dataset;
  // A browser has no clipboard for a page that came without https; there, a link leads to what it would have copied.
  if (!navigator.clipboard && button.href) return;
  event.preventDefault();
  if (copy) return copySource(button, document.getElementById(copy));
  write(button, copyFrom ? fetchText(copyFrom) : Promise.resolve(copyText));
}

async function fetchText(address) {
  const answer = await fetch(address, { headers: { Accept: "text/plain" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.text();
}

async function write(button, text) {
  try {
    await navigator.clipboard.writeText(await text);
    say(button, "Copied");
  } catch {
    say(button, "Not copied");
  }
}

async function copySource(button, source) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    say(button, "Copied");
  } catch {
    select(source);
    say(button, "Selected: press Ctrl C");
  }
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
