// The {{ expressions }} of a text, as the language of templates finds them: a }} inside quotes or brackets ends none.

const OPEN = /\{\{-?|\{%|\{#/g;
const CLOSE = { "{": "}", "[": "]", "(": ")" };

// Each with its place in the text: { start, end, inner }, and whether it is closed.
export function expressionsIn(text) {
  const found = [];
  OPEN.lastIndex = 0;
  for (let match = OPEN.exec(text); match; match = OPEN.exec(text)) {
    const start = match.index;
    if (match[0] === "{#") {
      OPEN.lastIndex = endOf(text, "#}", start);
      continue;
    }
    const mark = match[0] === "{%" ? "%}" : "}}";
    const end = closing(text, start + match[0].length, mark);
    if (match[0] !== "{%") {
      const inner = text.slice(start + match[0].length, end < 0 ? text.length : end - 2).replace(/-$/, "");
      found.push({ start, end: end < 0 ? text.length : end, inner, isClosed: end >= 0 });
    }
    if (end < 0) break;
    OPEN.lastIndex = end;
  }
  return found;
}

const endOf = (text, mark, from) => {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at + mark.length;
};

// Behind the mark that closes what begins at `at`, or -1.
function closing(text, at, mark) {
  const awaited = [];
  while (at < text.length) {
    const sign = text[at];
    if (sign === "'" || sign === '"') {
      at = behindQuote(text, at);
      continue;
    }
    if (!awaited.length && text.startsWith(mark, at)) return at + mark.length;
    if (sign in CLOSE) awaited.push(CLOSE[sign]);
    else if (sign === awaited.at(-1)) awaited.pop();
    else if (text.startsWith("{{", at)) return -1;
    at += 1;
  }
  return -1;
}

function behindQuote(text, at) {
  const quote = text[at];
  for (at += 1; at < text.length && text[at] !== quote; at += 1) if (text[at] === "\\") at += 1;
  return at + 1;
}

// The expression that the place is inside of.
export const expressionAround = (text, place) =>
  expressionsIn(text).find(({ start, end, isClosed }) => start + 2 <= place && place <= (isClosed ? end - 2 : end));

// The one that ends there.
export const expressionBefore = (text, place) =>
  expressionsIn(text).find(({ end, isClosed }) => isClosed && end === place);

export const expressionAfter = (text, place) =>
  expressionsIn(text).find(({ start, isClosed }) => isClosed && start === place);
