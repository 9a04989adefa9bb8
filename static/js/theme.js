// Runs before the first paint, so that a chosen theme does not flash. The account says it, wherever somebody signs in;
// the browser remembers it for the pages before that, and for people who have never chosen one.
(() => {
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  if (root.dataset.theme) localStorage.setItem("theme", root.dataset.theme);
  apply(root.dataset.theme ?? localStorage.getItem("theme"));
  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-theme-choice]");
    if (!choice) return;
    localStorage.setItem("theme", choice.dataset.themeChoice);
    apply(choice.dataset.themeChoice);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const theme = localStorage.getItem("theme") ?? "system";
    const choice = document.querySelector(`[data-theme-unknown] [data-theme-choice="${CSS.escape(theme)}"]`);
    if (choice) choice.checked = true;
  });
})();
