// What can be inserted at the action whose panel is open: asked for when somebody looks for it, by the picker and by
// the completion of the big editor alike.

import { fetchPart } from "../session.js";

const FRESH = 5_000; // ms during which an answer stands for the next question, too

let last = { address: "", at: 0, values: null };

function addressOf(more = {}) {
  const { valuesUrl } = document.querySelector("[data-designer]").dataset;
  const { panel = "" } = document.getElementById("panel")?.dataset ?? {};
  const base = document.getElementById("base")?.value ?? "";
  const { shown = "none", at = "" } = document.getElementById("run-bar")?.dataset ?? {}; // whose values stand beside it
  const query = new URLSearchParams({ base, run: shown, ...more });
  for (const place of at.split(" ").filter(Boolean)) query.append("at", place);
  return `${valuesUrl.replace("ACTION", encodeURIComponent(panel))}?${query}`;
}

// { run, groups, body, filters }, as flows/designer/picker.py lists them; null when no answer came.
export async function findValues() {
  const address = addressOf();
  if (last.address === address && Date.now() - last.at < FRESH) return last.values;
  const answer = await fetchPart(address);
  if (!answer.ok) return null;
  last = { address, at: Date.now(), values: await answer.json() };
  return last.values;
}

// All paths into one variable.
export async function findParts(name) {
  const answer = await fetchPart(addressOf({ only: name }));
  if (!answer.ok) return null;
  const { groups, body } = await answer.json();
  return [...body, ...groups].flatMap((group) => group.values)[0]?.parts ?? null;
}

// What a field that is described by the data of its Insert variable button may choose from, group by group.
export function groupsFor({ groups, body }, { secretsFirst, withBody }) {
  const all = withBody !== undefined ? [...body, ...groups.map((group) => without(group, body))] : groups;
  const shown = all.filter((group) => group.values.length);
  if (secretsFirst === undefined) return shown;
  const isSecret = ({ type }) => type === "secret";
  const secrets = shown.flatMap((group) => group.values.filter(isSecret));
  const rest = shown.map((group) => ({ ...group, values: group.values.filter((value) => !isSecret(value)) }));
  const first = secrets.length ? [{ origin: "Secrets", values: secrets }] : [];
  return [...first, ...rest.filter((group) => group.values.length)];
}

// What the body sets anew stands there once.
function without(group, body) {
  const names = new Set(body.flatMap(({ values }) => values.map(({ path }) => path)));
  return { ...group, values: group.values.filter(({ path }) => !names.has(path)) };
}

// Why a value cannot be chosen for such a field; empty where it can.
export function whyNot(value, { noSecrets = "" }) {
  if (value.type === "connection") return "a connection is chosen, not inserted";
  return value.type === "secret" ? noSecrets : "";
}
