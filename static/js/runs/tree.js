// Leads through a tree of values by arrows: up and down through what is seen, left and right fold and unfold, Home and
// End. Without this each node is a disclosure, and a stop of Tab, of its own.

const ROW = "summary, .tree-leaf";

const rowsOf = (tree) => [...tree.querySelectorAll(ROW)].filter((row) => row.checkVisibility());
const nodeOf = (row) => row.closest("li");
const detailsOf = (row) => (row.matches("summary") ? row.parentElement : null);

// One stop of Tab for the tree, and from there to what its row offers.
function settle(tree, current) {
  for (const row of tree.querySelectorAll(ROW)) row.tabIndex = row === current ? 0 : -1;
  for (const tool of tree.querySelectorAll(".tree-tools > *")) {
    tool.tabIndex = nodeOf(tool) === nodeOf(current) ? 0 : -1;
  }
}

function settleAll() {
  for (const tree of document.querySelectorAll("[data-tree]")) {
    const current = tree.querySelector("[tabindex='0']:is(summary, .tree-leaf)") ?? tree.querySelector(ROW);
    if (current) settle(tree, current);
  }
}

function go(tree, row) {
  if (!row) return;
  settle(tree, row);
  row.focus();
}

const MOVES = {
  ArrowDown: (rows, at) => rows[at + 1],
  ArrowUp: (rows, at) => rows[at - 1],
  Home: (rows) => rows[0],
  End: (rows) => rows.at(-1),
};

function fold(tree, row) {
  const details = detailsOf(row);
  if (details?.open) details.open = false;
  else go(tree, nodeOf(row).parentElement.closest("li")?.querySelector("summary"));
}

function unfold(tree, row, rows) {
  const details = detailsOf(row);
  if (!details) return;
  if (!details.open) details.open = true;
  else if (nodeOf(rows[rows.indexOf(row) + 1] ?? row) !== nodeOf(row)) go(tree, rows[rows.indexOf(row) + 1]);
}

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.(`[data-tree] :is(${ROW})`);
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const tree = row.closest("[data-tree]"), rows = rowsOf(tree);
  if (event.key in MOVES) go(tree, MOVES[event.key](rows, rows.indexOf(row)));
  else if (event.key === "ArrowRight") unfold(tree, row, rows);
  else if (event.key === "ArrowLeft") fold(tree, row);
  else return;
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(`[data-tree] :is(${ROW})`);
  if (row && row.tabIndex !== 0) settle(row.closest("[data-tree]"), row);
});

document.addEventListener("htmx:finally:swap", settleAll);
settleAll();
