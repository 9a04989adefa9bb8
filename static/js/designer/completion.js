// The completion of the big editor: the values and filters of the picker, inside of an expression.

import { expressionAround } from "./expressions.js";

const PATH = /[A-Za-z_][\w.[\]"']*$/;

// A source for CodeMirror. `isBare`: the whole text is one expression. `values` gives { groups, isRefused, filters },
// the groups as the picker has them; null when no answer came.
export function completeExpressions(isBare, values) {
  return async (context) => {
    const text = context.state.doc.toString();
    if (!isBare && !expressionAround(text, context.pos)) return null;
    const before = text.slice(0, context.pos);
    const path = before.match(PATH)?.[0] ?? "";
    const from = context.pos - path.length;
    const isFilter = /\|\s*$/.test(before.slice(0, from));
    const isBegun = /(\{\{-?|\{|\||[(,=<>+~]|\b(and|or|not|if|else|in|is))\s*$/.test(before.slice(0, from));
    if (!path && !context.explicit && !isBegun) return null;
    const found = await values?.();
    if (!found || context.aborted) return null;
    const options = isFilter ? found.filters.map(filterOption) : pathsOf(found).map(pathOption);
    return { from, options, validFor: /^[\w.[\]"']*$/ };
  };
}

const filterOption = ({ name, written, says }) => ({
  label: name,
  detail: says,
  type: "function",
  apply: (view, completion, from, to) => apply(view, written, from, to),
});

const pathOption = (value, at) => ({
  label: value.path,
  detail: [value.type, value.last, value.unset ? "may not be set here" : ""].filter(Boolean).join(" · "),
  type: "variable",
  boost: -at / 100, // the nearest first
  apply: (view, completion, from, to) => apply(view, value.path, from, to),
});

// With a blank at either side, as Insert variable writes it.
function apply(view, written, from, to) {
  const { doc } = view.state;
  const isFirst = doc.sliceString(Math.max(from - 2, 0), from) === "{{";
  const isLast = doc.sliceString(to, to + 2) === "}}";
  const insert = `${isFirst ? " " : ""}${written}${isLast ? " " : ""}`;
  const anchor = from + insert.length + (isLast ? 2 : 0);
  view.dispatch({ changes: { from, to, insert }, selection: { anchor }, userEvent: "input.complete" });
}

// As one list of what can be chosen.
function pathsOf({ groups, isRefused }) {
  const found = [];
  const visit = (value) => {
    if (!isRefused(value)) found.push(value);
    for (const part of value.parts ?? []) visit(part);
  };
  for (const { values } of groups) values.forEach(visit);
  return found;
}
