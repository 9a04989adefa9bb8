// Create New Connection in the panel: the form opens in place and stays as typed until the panel changes.

const testOf = (place) => place.querySelector("[data-test-model]"); // the deployment that the test calls
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
document.addEventListener("connection-created", async (event) => {
  const { name } = event.detail;
  const { connectionFieldUrl } = document.querySelector("[data-designer]").dataset;
  const place = document.getElementById("new-connection");
  const tested = testOf(place)?.value.trim(); // the form goes with the answer
  const { property } = document.querySelector("[data-new-connection]").dataset;
  const url = connectionFieldUrl.replace("ACTION", encodeURIComponent(document.getElementById("panel").dataset.panel));
  const chosen = new URLSearchParams({ name, property });
  await htmx.ajax("GET", `${url}?${chosen}`, { source: document.body, swap: "none" });
  place.replaceChildren();
  foldNewConnection();
  const model = modelOf();
  if (tested && model && !model.value.trim()) {
    model.value = tested;
    model.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const select = document.getElementById(`property-${property}`);
  select.focus();
  select.dispatchEvent(new Event("change", { bubbles: true }));
});

// What a test says is seen where it was asked for; the focus stays on the button.
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const button = ctx.sourceElement;
  if (!button?.matches?.("#new-connection [hx-post]") || button.matches("form, textarea, input")) return;
  document.querySelector("#new-connection .test-result")?.scrollIntoView({ block: "nearest" });
});
