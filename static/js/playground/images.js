// Images are files of the composer; what is pasted joins them.

const MOST_IMAGES = 5;
let attached = [];

export function setImages(files) {
  const field = document.querySelector("[data-images]");
  if (!field) return;
  const kept = new DataTransfer();
  for (const file of files.slice(0, MOST_IMAGES)) kept.items.add(file);
  field.files = kept.files;
  showImages([...field.files]);
}

function showImages(files) {
  const thumbs = document.querySelector("[data-thumbs]");
  thumbs.replaceChildren(...files.map((file, at) => {
    const thumb = document.createElement("span");
    thumb.className = "thumb";
    const picture = document.createElement("img");
    picture.alt = file.name;
    const reader = new FileReader();
    reader.addEventListener("load", () => { picture.src = reader.result; });
    reader.readAsDataURL(file);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn-icon";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.textContent = "×";
    remove.addEventListener("click", () => {
      setImages(attached.filter((_, other) => other !== at));
      document.getElementById("draft").focus();
    });
    thumb.append(picture, remove);
    return thumb;
  }));
  attached = files;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-images]")) setImages([...attached, ...event.target.files]);
});
document.addEventListener("paste", (event) => {
  if (!event.target.closest("#composer")) return;
  const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
  if (!files.length) return;
  event.preventDefault();
  setImages([...attached, ...files]);
});
