// Beside a field for a file: its name and size, and whether it is too large, before anything is sent.

const size = (bytes) =>
  bytes >= 1e6 ? `${Number((bytes / 1e6).toPrecision(3))} MB` : `${Math.max(1, Math.round(bytes / 1e3))} KB`;

function describe(field) {
  const [file] = field.files;
  const isTooLarge = file && file.size > Number(field.dataset.most);
  const refused = isTooLarge ? `${file.name} is larger than ${field.dataset.mostSaid}.` : "";
  field.setCustomValidity(refused);
  const output = field.parentElement.querySelector("output");
  if (output) output.textContent = refused || (file ? `${file.name}, ${size(file.size)}` : "");
}

const describeAll = () => document.querySelectorAll("input[type=file][data-most]").forEach(describe);

document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-most]")) describe(event.target);
});
document.addEventListener("htmx:after:swap", describeAll); // a swap keeps what was chosen
describeAll();
