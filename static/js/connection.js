// The connection form: a pasted command or snippet is taken apart in the page, so that the key it holds goes to the
// key field without coming back from the server; what a test found can be taken over with one click.

const renew = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));
const PASTED = 8; // characters that come at once where nobody types
const before = new WeakMap(); // the text of a field before the last change

// The page was inert when the browser looked for it.
document.addEventListener("DOMContentLoaded", () => document.querySelector("main [autofocus]")?.focus());

document.addEventListener("endpoint-pasted", (event) => {
  const field = event.target.closest("[data-endpoint]");
  const { length, endpoint, model, start, end, is_key: isKey } = event.detail;
  // Somebody went on typing: the next answer fits.
  if (!field || field.value.length !== length) return;
  const key = document.getElementById(field.dataset.key);
  // A word that is typed may become the name of a host; and what stands in the key field stays.
  if (isKey && (!field.hasAttribute("data-pasted") || key?.value)) return;
  if (start !== null && key) {
    key.value = field.value.slice(start, end);
    const stored = key.closest("details");
    if (stored) stored.open = true;
  }
  if (isKey) {
    field.value = "";
    return;
  }
  const test = field.form.querySelector("[data-test-model]");
  if (model && test && !test.value) test.value = model;
  const fallback = field.form.querySelector("[name=default_model]");
  if (model && fallback && !fallback.value) fallback.value = model;
  field.value = endpoint;
});

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches("[data-endpoint]")) {
    const grown = field.value.length - (before.get(field) ?? 0);
    field.toggleAttribute("data-pasted", grown >= PASTED);
    before.set(field, field.value.length);
  } else if (field.name === "key" && /^https?:\/\//.test(field.value)) {
    // An address that was pasted into the key field goes where it belongs.
    const endpoint = field.form.querySelector("[data-endpoint]");
    if (!endpoint || endpoint.value) return;
    endpoint.value = field.value;
    field.value = "";
    renew(endpoint);
  }
});

// What a test says is seen where its button is, and what a form is refused for where it is typed.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.target.closest?.("[data-test]")) {
    document.getElementById("test-line")?.scrollIntoView({ block: "nearest" });
  } else if (event.target.matches?.("#connection-form, .panel-connection")) {
    event.target.querySelector(".field-error")?.closest(".field")?.querySelector("input, textarea, select")?.focus();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-use-endpoint], [data-use-deployment]");
  if (!button) return;
  const form = button.closest("form") ?? document.getElementById("connection-form");
  if (button.dataset.useEndpoint) {
    const field = form.querySelector("[data-endpoint]");
    field.value = button.dataset.useEndpoint;
    renew(field);
    field.focus();
  } else {
    const field = form.querySelector("[data-test-model]");
    field.value = button.dataset.useDeployment;
    field.focus();
  }
});
