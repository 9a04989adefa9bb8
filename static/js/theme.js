// Runs before the first paint, so that a chosen theme does not flash. Menus of the page call it again.
(() => {
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  apply(localStorage.getItem("theme"));
  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-theme-choice]");
    if (!choice) return;
    localStorage.setItem("theme", choice.dataset.themeChoice);
    apply(choice.dataset.themeChoice);
  });
})();
