// Create New Connection in the panel: the form opens in place and stays as typed until the panel changes.

const testOf = (place) => place.querySelector("[data-test-model]"); // the deployment that the test calls
let tested = ""; // what it was when the form was sent, which goes with the answer
const modelOf = () => document.querySelector("#panel [data-deployment]");

async function toggleNewConnection(toggle) {
  const place = document.getElementById("new-connection");
  place.hidden = !toggle.checked;
  if (toggle.checked && !place.childElementCount) {
    await htmx.ajax("GET", toggle.dataset.newConnection, { target: place, swap: "innerHTML" });
  }
  if (!toggle.checked) return toggle.focus();
  const [test, model] = [testOf(place), modelOf()];
  if (test && model && !test.value) test.value = model.value;
  place.querySelector("input:not([type=hidden])")?.focus();
}
function foldNewConnection() {
  const toggle = document.querySelector("[data-new-connection]");
  if (!toggle?.checked) return;
  toggle.checked = false;
  toggleNewConnection(toggle);
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-new-connection]")) toggleNewConnection(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest("#new-connection")) {
    event.preventDefault();
    foldNewConnection();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#new-connection [data-cancel]")) return;
  event.preventDefault();
  foldNewConnection();
});
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches?.(".panel-connection")) tested = testOf(ctx.sourceElement)?.value.trim() ?? "";
});
document.addEventListener("connection-created", async (event) => {
  const { name, model: answered } = event.detail;
  const { connectionFieldUrl } = document.querySelector("[data-designer]").dataset;
  const place = document.getElementById("new-connection");
  const { property } = document.querySelector("[data-new-connection]").dataset;
  const url = connectionFieldUrl.replace("ACTION", encodeURIComponent(document.getElementById("panel").dataset.panel));
  const chosen = new URLSearchParams({ name, property });
  await htmx.ajax("GET", `${url}?${chosen}`, { source: document.body, swap: "none" });
  place.replaceChildren();
  foldNewConnection();
  const model = modelOf();
  if (model && !model.value.trim()) {
    model.value = answered || tested;
    model.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const select = document.getElementById(`property-${property}`);
  select.focus();
  select.dispatchEvent(new Event("change", { bubbles: true }));
});
