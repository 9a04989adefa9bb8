// The rows of the value picker: a group an origin, paths below an object that is open, filters of the language last.

import { groupsFor, whyNot } from "./values.js";

const MOST_FOUND = 100; // rows that a search shows

// The groups that the words find, as { title, note, unset, rows }; a row is { value, path, label, depth, why }, that of
// a filter { filter, label }. `open` has the paths of objects that are open, `config` is the data of the button.
export function groupsOfRows(values, config, words, open) {
  const { before, term } = splitAtFilter(words);
  const found = before ? [] : groupsFor(values, config).map((group) => ({
    title: group.origin,
    note: group.origin === "Start" ? "inputs" : "",
    unset: group.unset,
    rows: term ? matches(group.values, term, config) : rowsOf(group.values, config, open),
  }));
  const filters = values.filters.filter(({ name, says }) => `${name} ${says}`.toLowerCase().includes(term));
  const named = term ? filters.filter(({ name }) => name.includes(term)) : filters;
  const shown = named.length ? named : filters;
  const last = { title: "Filters", note: "", rows: shown.map((filter) => ({ filter, label: `| ${filter.written}` })) };
  return [...found, last].filter(({ rows }) => rows.length);
}

// Behind a | only filters are looked for.
export function splitAtFilter(words) {
  const at = words.lastIndexOf("|");
  const before = at < 0 ? "" : words.slice(0, at).trim();
  return { before, term: (at < 0 ? words : words.slice(at + 1)).trim().toLowerCase() };
}

const rowOf = (value, config, depth, label) =>
  ({ value, path: value.path, depth, label, why: whyNot(value, config) });

function rowsOf(values, config, open, depth = 0) {
  return values.flatMap((value) => {
    const row = rowOf(value, config, depth, value.name);
    row.isOpen = open.has(value.path);
    return [row, ...(row.isOpen ? rowsOf(value.parts ?? [], config, open, depth + 1) : [])];
  });
}

function matches(values, term, config) {
  const found = [];
  const visit = (value) => {
    if (found.length >= MOST_FOUND) return;
    if (value.path.toLowerCase().includes(term)) found.push(rowOf(value, config, 0, value.path));
    for (const part of value.parts ?? []) visit(part);
  };
  values.forEach(visit);
  return found;
}

// The row that somebody most likely means: the very name, else one that begins so, else the first.
export function bestOf(rows, words) {
  const { term } = splitAtFilter(words);
  const free = rows.filter((row) => !row.why);
  const name = (row) => (row.filter ? row.filter.name : row.path).toLowerCase();
  return free.find((row) => name(row) === term) ?? free.find((row) => term && name(row).startsWith(term)) ?? free[0];
}
