// How an editor looks: with the tokens of the page, which reach into its shadow root.

const MONO = "var(--mono)";
const [KEYWORD, NAME] = ["var(--code-keyword)", "var(--code-name)"];

export function styleOf(cm, mode) {
  const isProse = mode === "template" || mode === "text";
  const { tags } = cm;
  const theme = cm.EditorView.theme({
    "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--code-ground)", fontSize: "0.8125rem" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: isProse ? "var(--sans)" : MONO, lineHeight: "1.5rem", overflow: "auto" },
    ".cm-content": { padding: "12px 0", caretColor: "var(--ink)" },
    ".cm-line": { padding: "0 16px 0 8px" },
    ".cm-cursor": { borderLeft: "2px solid var(--accent)" },
    ".cm-gutters": { backgroundColor: "transparent", border: "0", color: "var(--ink-3)", fontFamily: MONO },
    ".cm-lineNumbers .cm-gutterElement": { minWidth: "36px", fontSize: "0.6875rem" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
    "&.cm-focused .cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 45%, transparent)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      background: "color-mix(in srgb, var(--accent) 26%, transparent)",
    },
    ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
    ".cm-value": {
      padding: "2px 3px", borderRadius: "4px", background: "var(--chip-ground)", color: "var(--chip)",
      fontFamily: MONO, fontSize: "0.75rem",
    },
    ".cm-tooltip": {
      background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-2)", borderRadius: "8px",
      boxShadow: "var(--shadow-2)",
    },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": {
      fontFamily: MONO, fontSize: "0.75rem", maxHeight: "16em", padding: "4px",
    },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": {
      display: "flex", gap: "12px", alignItems: "center", minHeight: "26px", padding: "2px 8px", borderRadius: "6px",
    },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent-soft)", color: "var(--ink)" },
    ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
    ".cm-completionDetail": {
      marginLeft: "auto", color: "var(--ink-3)", fontFamily: "var(--sans)", fontStyle: "normal", maxWidth: "24em",
      overflow: "hidden", textOverflow: "ellipsis",
    },
    ".cm-panels": { background: "var(--surface)", color: "var(--ink)", borderColor: "var(--line)" },
    ".cm-panels.cm-panels-top": { borderBottom: "1px solid var(--line)" },
    ".cm-panel.cm-search": { padding: "8px 12px", fontSize: "0.75rem" },
    ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", gap: "4px", minHeight: "24px" },
    ".cm-textfield": {
      minHeight: "26px", background: "var(--surface)", border: "1px solid var(--field)", borderRadius: "6px",
      color: "var(--ink)", padding: "2px 8px", fontSize: "0.75rem",
    },
    ":is(.cm-textfield, .cm-button):focus-visible": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
    ".cm-button": {
      minHeight: "26px", background: "var(--surface)", border: "1px solid var(--line-2)", borderRadius: "6px",
      color: "var(--ink)", padding: "2px 8px", fontSize: "0.75rem",
    },
    ".cm-panel.cm-search [name=close]": { minWidth: "24px", minHeight: "24px", color: "var(--ink-2)" },
    ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn-dot)" },
    ".cm-searchMatch-selected": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--hover)" },
    ".cm-diagnostic": { padding: "4px 8px" },
    ".cm-placeholder": { color: "var(--ink-3)" },
  });
  const words = cm.HighlightStyle.define([
    { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword, tags.definitionKeyword], color: KEYWORD },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
    { tag: [tags.propertyName, tags.function(tags.variableName), tags.definition(tags.variableName)], color: NAME },
    { tag: tags.comment, color: "var(--ink-3)" },
  ]);
  return [theme, cm.syntaxHighlighting(words)];
}
