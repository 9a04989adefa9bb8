// Two runs of a list are chosen to be compared; a third one takes the place of the one that was chosen first.

const COUNT = 2;
let chosen = [];
const boxes = () => [...document.querySelectorAll("[data-compare-run]")];

// What htmx renews is as it was.
function show() {
  chosen = chosen.filter((number) => boxes().some((box) => box.value === number));
  for (const box of boxes()) box.checked = chosen.includes(box.value);
  const button = document.querySelector("[data-compare]");
  if (button) button.disabled = chosen.length !== COUNT;
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-compare-run]")) return;
  chosen = chosen.filter((number) => number !== target.value);
  if (target.checked) chosen = [...chosen, target.value].slice(-COUNT);
  show();
});
document.addEventListener("htmx:after:swap", show);
chosen = boxes().filter((box) => box.checked).map((box) => box.value).slice(-COUNT);
show();
