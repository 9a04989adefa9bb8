// Create New Connection in the panel: the form opens in place and stays as typed until the panel changes.
async function toggleNewConnection(toggle) {
  const place = document.getElementById("new-connection");
  place.hidden = !toggle.checked;
  if (toggle.checked && !place.childElementCount) {
    await htmx.ajax("GET", toggle.dataset.newConnection, { target: place, swap: "innerHTML" });
  }
  if (toggle.checked) place.querySelector("input:not([type=hidden])")?.focus();
  else toggle.focus();
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
  const url = connectionFieldUrl.replace("ACTION", encodeURIComponent(document.getElementById("panel").dataset.panel));
  await htmx.ajax("GET", `${url}?name=${encodeURIComponent(name)}`, { source: document.body, swap: "none" });
  document.getElementById("new-connection").replaceChildren();
  foldNewConnection();
  const select = document.getElementById("property-connection");
  select.focus();
  select.dispatchEvent(new Event("change", { bubbles: true }));
});
