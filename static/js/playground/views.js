// What of the page is shown: Chat or Code, the settings on a small screen, a long text in full, differences of answers.

const byId = (id) => document.getElementById(id);
const page = document.querySelector("[data-playground]");

function show(view) {
  for (const tab of document.querySelectorAll("[data-view]")) {
    const on = tab.dataset.view === view;
    tab.setAttribute("aria-selected", String(on));
    byId(`${tab.dataset.view}-panel`).hidden = !on;
  }
  history.replaceState(null, "", view === "chat" ? location.pathname : `?view=${view}`);
  if (view === "code") htmx.trigger(byId("code-view"), "show-code");
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-view]");
  if (tab) {
    event.preventDefault();
    return show(tab.dataset.view);
  }
  const settings = event.target.closest("[data-show-setup]");
  if (settings) return toggleSettings(settings);
  const expand = event.target.closest("[data-expand]");
  if (expand) return toggleLength(expand);
  const differences = event.target.closest("[data-differences]");
  if (differences) toggleDifferences(differences);
});

function toggleSettings(button) {
  const open = page.classList.toggle("shows-setup");
  button.setAttribute("aria-expanded", String(open));
  if (open) byId("setup").querySelector("select, input:not([type=hidden]), textarea")?.focus();
}

function toggleLength(button) {
  const open = byId(button.dataset.expand).classList.toggle("is-expanded");
  button.setAttribute("aria-expanded", String(open));
  button.textContent = open ? "Fold" : "Expand";
}

function toggleDifferences(button) {
  const on = button.getAttribute("aria-checked") !== "true";
  button.setAttribute("aria-checked", String(on));
  htmx.ajax("GET", button.dataset.differences + (on ? "" : "?hide"), { target: "#differences", swap: "none" });
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

window.addEventListener("load", () => {
  if (page && !byId("code-panel")?.hidden) show("code");
});
