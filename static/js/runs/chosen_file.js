// Beside a field for a file: its name and size, and whether it is too large, before anything is sent.

const size = (bytes) =>
  bytes >= 1e6 ? `${Number((bytes / 1e6).toPrecision(3))} MB` : `${Math.max(1, Math.round(bytes / 1e3))} KB`;

function describe(field) {
  const [file] = field.files;
  const isTooLarge = file && file.size > Number(field.dataset.most);
  const said = file ? `${file.name}, ${size(file.size)}` : "";
  field.setCustomValidity(isTooLarge ? `${said}: at most ${field.dataset.mostSaid}.` : "");
  const output = field.parentElement.querySelector("output");
  if (output) output.textContent = isTooLarge ? `${said} is larger than ${field.dataset.mostSaid}.` : said;
}

const describeAll = () => document.querySelectorAll("input[type=file][data-most]").forEach(describe);

document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-most]")) describe(event.target);
});
document.addEventListener("htmx:after:swap", describeAll); // a swap keeps what was chosen
describeAll();
