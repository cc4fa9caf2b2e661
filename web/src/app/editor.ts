// The editor of the configuration. It lives in a shadow root, whose styles need no
// inline style sheet: the page's policy allows none.
import { autocompletion, closeBrackets, type CompletionContext, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, gutter, GutterMarker, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { ConfigProblem } from "./api";
import { offers, placeAt, type Schema } from "./completion";

export interface Editor { text(): string; set(text: string): void; mark(problems: readonly ConfigProblem[]): void; reveal(line: number): void; end(): void }

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--accent)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--faint)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--ink)", fontSize: "14px" },
  "&.cm-focused": { outline: "3px solid var(--accent)" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", minHeight: "20rem", maxHeight: "65vh" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "transparent", boxShadow: "inset 2px 0 var(--accent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-bad": { backgroundColor: "color-mix(in srgb, var(--live) 18%, transparent)" },
  ".cm-sign": { color: "var(--live)", fontWeight: "700" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { color: "var(--ink)", minHeight: "24px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--paper)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: ".85" },
});

class Sign extends GutterMarker {
  constructor(private readonly why: string) {
    super();
  }
  toDOM(): Node {
    const sign = document.createElement("span");
    sign.className = "cm-sign";
    sign.textContent = "✗";
    sign.title = this.why;
    return sign;
  }
}

const marks = StateEffect.define<readonly ConfigProblem[]>();

const marked = StateField.define<readonly ConfigProblem[]>({
  create: () => [],
  update: (before, change) => change.effects.reduce<readonly ConfigProblem[]>((now, e) => (e.is(marks) ? e.value : now), before),
  provide: (field) => [
    EditorView.decorations.from(field, (problems) => (view) => RangeSet.of(
      lines(view.state, problems).map(([from]) => Decoration.line({ class: "cm-bad" }).range(from)), true)),
  ],
});

function lines(state: EditorState, problems: readonly ConfigProblem[]): [from: number, why: string][] {
  const by = new Map<number, string>();
  for (const p of problems) {
    if (p.line < 1 || p.line > state.doc.lines) continue;
    const { from } = state.doc.line(p.line);
    by.set(from, [by.get(from), p.message].filter(Boolean).join("; "));
  }
  return [...by].sort((a, b) => a[0] - b[0]);
}

function complete(schema: () => Schema | null) {
  return (context: CompletionContext) => {
    const known = schema();
    if (!known) return null;
    const place = placeAt(context.state.doc.sliceString(0, context.pos));
    if (place.word === "" && !context.explicit) return null;
    const options = offers(known, place).map(({ label, detail, apply }) => ({ label, apply, detail: detail.length > 80 ? `${detail.slice(0, 79)}…` : detail }));
    return options.length > 0 ? { from: context.pos - place.word.length, options, validFor: /^[\w/.-]*$/ } : null;
  };
}

// open makes an editor in host. changed is called at each change of the text.
export function open(host: HTMLElement, text: string, options: { label: string; readOnly: boolean; schema: () => Schema | null; changed: () => void }): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root as unknown as Element,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), indentOnInput(), closeBrackets(), highlightActiveLine(), yaml(), syntaxHighlighting(colours), theme, marked,
        gutter({ class: "cm-signs", markers: (v) => RangeSet.of(lines(v.state, v.state.field(marked)).map(([from, why]) => new Sign(why).range(from)), true) }),
        autocompletion({ override: [complete(options.schema)], icons: false }),
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false" }),
        EditorState.readOnly.of(options.readOnly),
        EditorView.updateListener.of((u) => {
          if (u.docChanged) options.changed();
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    set: (now) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: now } }),
    mark: (problems) => view.dispatch({ effects: marks.of(problems) }),
    reveal: (line) => {
      const { from } = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
      view.focus();
    },
    end: () => view.destroy(),
  };
}
