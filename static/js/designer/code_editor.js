// CodeMirror as the designer uses it. It is loaded when the first editor is asked for, and lives in a shadow root where
// its styles are constructed ones: style elements are against the content policy.
//
//   const editor = await mountEditor(place, {
//     text: "…",                         // to begin with
//     mode: "template",                  // or expression, python, json, text
//     label: "User prompt",              // what it is the text of, for assistive technology
//     isReadOnly: false,
//     values: async () => null,          // what is in scope, as completion.js takes it
//     completions: [],                   // of mode python: { label, detail, info, type }, beside those of the language
//     changed: (text, isHalf) => {},     // after each edit by a person; isHalf while an expression is being written
//   });
//   editor.text = "…"; editor.focus(); editor.destroy();

import { completeExpressions } from "./completion.js";
import { styleOf } from "./editor_style.js";
import { expressionAround, expressionsIn } from "./expressions.js";

const load = () => import("../../vendor/codemirror.min.js");

// The editor in the place, an element that is used for nothing else. Raises when it cannot be loaded.
export async function mountEditor(place, { text, mode = "text", label, isReadOnly = false, changed, ...more }) {
  const cm = await load();
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  let isOurs = false; // an edit of the page, not of the person
  let isHalf = false; // the last edit was inside of an expression, and the cursor is there still
  const extensions = [
    ...basics(cm),
    ...languageOf(cm, mode, more),
    ...styleOf(cm, mode),
    cm.EditorView.contentAttributes.of({
      tabindex: "0", "aria-label": "Editor", "aria-description": label, spellcheck: String(mode === "template"),
    }),
    cm.EditorState.readOnly.of(isReadOnly),
    cm.EditorView.updateListener.of(({ docChanged, selectionSet, state }) => {
      if (isOurs || (!docChanged && !(isHalf && selectionSet))) return;
      isHalf = mode === "template" && isInside(state);
      changed?.(state.doc.toString(), isHalf);
    }),
  ];
  const view = new cm.EditorView({ state: cm.EditorState.create({ doc: text, extensions }), parent: root, root });
  return {
    get text() { return view.state.doc.toString(); },
    set text(wanted) {
      isOurs = true;
      replaceText(view, wanted);
      isOurs = false;
    },
    focus: () => view.focus(),
    goTo(at) { view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, scrollIntoView: true }); },
    insert(written) { view.dispatch(view.state.replaceSelection(written), { userEvent: "input.type" }); },
    destroy() { view.destroy(); },
  };
}

const isInside = ({ doc, selection }) => Boolean(expressionAround(doc.toString(), selection.main.head));

// As the least change, so that the cursor stays where it was.
function replaceText(view, wanted) {
  const shown = view.state.doc.toString();
  if (shown === wanted) return;
  const most = Math.min(shown.length, wanted.length);
  let from = 0;
  while (from < most && shown[from] === wanted[from]) from += 1;
  let behind = 0;
  while (behind < most - from && shown.at(-1 - behind) === wanted.at(-1 - behind)) behind += 1;
  view.dispatch({
    changes: { from, to: shown.length - behind, insert: wanted.slice(from, wanted.length - behind) },
  });
}

const basics = (cm) => [
  cm.lineNumbers(), cm.highlightSpecialChars(), cm.history(), cm.drawSelection(), cm.indentOnInput(),
  cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(), cm.highlightSelectionMatches(),
  cm.search({ top: true }), cm.EditorView.lineWrapping, cm.indentUnit.of("    "),
  cm.keymap.of([
    ...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.completionKeymap,
  ]),
];

function languageOf(cm, mode, { values, completions = [] }) {
  const complete = completeExpressions(mode === "expression", values);
  const ours = cm.autocompletion({ override: [complete], icons: false });
  if (mode === "python") return pythonOf(cm, completions);
  if (mode === "json") return [cm.json(), cm.linter(cm.jsonParseLinter()), cm.lintGutter(), cm.autocompletion()];
  if (mode === "template") return [ours, expressionMarks(cm)];
  return mode === "expression" ? [ours] : [];
}

function pythonOf(cm, completions) {
  const named = (context) => {
    const before = context.matchBefore(/[\w.]+$/);
    if (!before && !context.explicit) return null;
    return { from: before ? before.from : context.pos, options: completions, validFor: /^[\w.]*$/ };
  };
  return [
    cm.python(), cm.pythonLanguage.data.of({ autocomplete: named }), cm.autocompletion({ icons: false }),
    cm.keymap.of([cm.indentWithTab]),
  ];
}

// Expressions of a template look as they do in the panel, with their braces.
function expressionMarks(cm) {
  const mark = cm.Decoration.mark({ class: "cm-value" });
  const build = ({ state }) => cm.Decoration.set(
    expressionsIn(state.doc.toString()).filter(({ isClosed }) => isClosed)
      .map(({ start, end }) => mark.range(start, end)),
  );
  return [cm.ViewPlugin.define((view) => ({
    decorations: build(view),
    update(update) { if (update.docChanged) this.decorations = build(update.view); },
  }), { decorations: (plugin) => plugin.decorations })];
}
