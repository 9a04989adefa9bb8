// The checks of a new batch are added and removed by buttons, up to as many as a batch may have.

const checks = document.getElementById("checks");
const add = document.querySelector("[data-add-check]");

const limitChecks = () => { add.disabled = checks.children.length >= Number(checks.dataset.most); };

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-add-check]")) {
    checks.append(document.getElementById("check-template").content.cloneNode(true));
    checks.lastElementChild.querySelector("select").focus();
    limitChecks();
  }
  const remove = event.target.closest("[data-remove-check]");
  if (remove) {
    const check = remove.closest(".check");
    const next = check.nextElementSibling ?? check.previousElementSibling;
    check.remove();
    (next?.querySelector("select") ?? add).focus();
    limitChecks();
  }
});

limitChecks();
