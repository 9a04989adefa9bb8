// Copy, cut and paste of actions, by the events of the browser, so that its own menus and keys do it, too.

import { isTyping } from "../keys.js";
import { fetchPart, isAway } from "../session.js";
import { change, designer, focusAfterwards, isEditable, post, say, selected, titleOf } from "./edit.js";
import { chosenNow, chosenWith } from "./selection.js";

const LARGEST = 5 * 1024 * 1024; // characters, as the server has it
let written = null; // a text on its way to the clipboard

const focusedCard = () => document.activeElement?.closest?.("#flowchart article")?.querySelector("[data-card]");
const isOurs = (event) =>
  !isTyping(event.target) && !document.querySelector("dialog[open]") && (getSelection()?.isCollapsed ?? true);

// What is meant without a card being named: what is chosen, else the card that has the focus.
function idsMeant() {
  const focused = focusedCard()?.dataset.card;
  if (focused) return chosenWith(focused);
  return chosenNow().length ? chosenNow() : [selected()].filter(Boolean);
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A browser has no clipboard for a page that came without https, but lets an event write.
    written = text;
    const done = document.execCommand("copy");
    written = null;
    return done;
  }
}

async function copy(ids) {
  const answer = await fetchPart(`${designer.dataset.copyUrl}?chosen=${ids.join()}`);
  if (!answer.ok) return false;
  const done = await write(await answer.text());
  if (!done) say("Not copied: the browser does not let this page write to the clipboard.", "bad");
  return done;
}

const words = (ids) => (ids.length > 1 ? `${ids.length} actions` : titleOf(ids[0])?.querySelector("b").textContent);

async function copyAndSay(ids) {
  const named = words(ids);
  if (await copy(ids)) say(`${named} copied.`);
}

// Nothing goes before it is on the clipboard.
async function cut(ids) {
  const cards = [...document.querySelectorAll("#flowchart [data-card]")];
  const before = cards[cards.indexOf(titleOf(ids[0])) - 1]?.dataset.card ?? "start";
  if (!(await copy(ids))) return;
  focusAfterwards(before);
  await change(ids[0], "remove", { chosen: ids.join(), cut: "1" });
}

// What is none of ours is not sent at all.
function refusal(text) {
  const formats = designer.dataset.pasteFormats.split(" ");
  const families = formats.map((each) => each.split("/")[0]);
  let format = null;
  try {
    format = JSON.parse(text)?.format;
  } catch {
    // No JSON.
  }
  if (formats.includes(format)) return "";
  const isOlder = typeof format === "string" && families.includes(format.split("/")[0]);
  if (!isOlder) return "What you pasted is no actions of a flow. Copy actions in the designer, and paste them here.";
  const version = format.slice(0, 40);
  return `What you pasted is from another version of FoundryFlow (${version}); this server reads ${formats[0]}.`;
}

function pasteText(text, behind) {
  if (isAway()) return say("Not pasted: the server cannot be reached. Paste again afterwards.", "bad");
  if (!text.trim()) return say("There is nothing to paste on the clipboard.", "bad");
  if (text.length > LARGEST) {
    const size = Math.round(text.length / 1_000_000);
    return say(`What you pasted is ${size} MB; at most 5 MB can be pasted. Nothing was changed.`, "bad");
  }
  const why = refusal(text);
  if (why) return say(why, "bad");
  const place = behind === "start" ? { at: 0 } : behind ? { after: behind } : {};
  focusAfterwards("chosen");
  return post(designer.dataset.pasteUrl, { text, ...place });
}

async function pasteFromMenu(behind) {
  try {
    return pasteText(await navigator.clipboard.readText(), behind);
  } catch {
    titleOf(behind)?.focus();
    say("Press Ctrl V to paste: the browser keeps the clipboard from buttons.", "bad");
  }
}

for (const name of ["copy", "cut"]) {
  document.addEventListener(name, (event) => {
    if (written !== null) {
      event.clipboardData.setData("text/plain", written);
      event.preventDefault();
      return;
    }
    const ids = idsMeant().filter((id) => id !== "start");
    if (!isOurs(event) || !ids.length || (name === "cut" && !isEditable)) return;
    event.preventDefault();
    name === "cut" ? cut(ids) : copyAndSay(ids);
  });
}

document.addEventListener("paste", (event) => {
  if (!isEditable || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  const ids = idsMeant();
  pasteText(event.clipboardData.getData("text/plain"), ids.at(-1) ?? "");
});

document.addEventListener("click", (event) => {
  const item = event.target.closest("[data-clipboard]");
  if (!item) return;
  const ids = item.dataset.on ? chosenWith(item.dataset.on) : chosenNow();
  const deed = { copy: copyAndSay, cut, paste: () => pasteFromMenu(item.dataset.on) }[item.dataset.clipboard];
  deed(ids);
});
