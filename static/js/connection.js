// The connection form: a pasted command or snippet is taken apart in the page, so that the key it holds goes to the
// key field without coming back from the server; what a test found can be taken over with one click.

const renew = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

document.addEventListener("endpoint-pasted", (event) => {
  const field = event.target.closest("[data-endpoint]");
  const { length, endpoint, model, start, end } = event.detail;
  // Somebody went on typing: the next answer fits.
  if (!field || field.value.length !== length) return;
  const key = document.getElementById(field.dataset.key);
  if (start !== null && key) {
    key.value = field.value.slice(start, end);
    const stored = key.closest("details");
    if (stored) stored.open = true;
  }
  const test = field.form.querySelector("[data-test-model]");
  if (model && test && !test.value) test.value = model;
  const fallback = field.form.querySelector("[name=default_model]");
  if (model && fallback && !fallback.value) fallback.value = model;
  field.value = endpoint;
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
