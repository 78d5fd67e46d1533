import fc from "fast-check";
import { format, type Options } from "prettier";

/** Any configuration of Prettier's that has to do with code. */
export const prettierStyle: fc.Arbitrary<Options> = fc.record({
  printWidth: fc.constantFrom(20, 40, 60, 80, 100, 140, 320),
  tabWidth: fc.integer({ min: 1, max: 8 }),
  useTabs: fc.boolean(),
  semi: fc.boolean(),
  singleQuote: fc.boolean(),
  jsxSingleQuote: fc.boolean(),
  quoteProps: fc.constantFrom("as-needed", "consistent", "preserve"),
  trailingComma: fc.constantFrom("all", "es5", "none"),
  bracketSpacing: fc.boolean(),
  bracketSameLine: fc.boolean(),
  objectWrap: fc.constantFrom("preserve", "collapse"),
  arrowParens: fc.constantFrom("always", "avoid"),
  endOfLine: fc.constantFrom("lf", "crlf"),
  experimentalTernaries: fc.boolean(),
  experimentalOperatorPosition: fc.constantFrom("start", "end"),
  singleAttributePerLine: fc.boolean(),
  htmlWhitespaceSensitivity: fc.constantFrom("css", "strict", "ignore"),
  vueIndentScriptAndStyle: fc.boolean(),
  embeddedLanguageFormatting: fc.constantFrom("auto", "off"),
  proseWrap: fc.constantFrom("always", "never", "preserve"),
});

/** A file as Prettier writes it; its name says which language it is in. */
export const pretty = (text: string, filepath: string, style: Options): Promise<string> =>
  format(text, { ...style, filepath, plugins: [] });

/** Remarks inside expressions and types go: Prettier itself carries operators across them, from one of its styles to the next. */
export const withoutRemarks = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line))
    .join("\n");

/** Code of another kind than this project's own: elements, written spaces, generics, styles. */
export const PANEL = `import { useState, type ReactNode } from "react";

type Handler = (event: Event) => undefined | null | { kept: boolean; "why-not"?: string };

export function Panel({ title, rows, onPick }: { title: string; rows: readonly string[]; onPick: Handler }): ReactNode {
  const [picked, setPicked] = useState<string | null>(null);
  const label = picked === null ? "Nothing is picked" : rows.length > 1 ? \`One of \${rows.length}: \${picked}\` : 'The "only" one';
  return (
    <section className="panel" aria-label={title} data-rows={rows.length}>
      <h2>
        {title} <em>{label}</em> and <strong>more of it</strong> to read here
      </h2>
      {rows.map((row) => (
        <button key={row} type="button" disabled={row === picked} onClick={(event) => { setPicked(row); onPick(event); }}>
          Pick <code>{row}</code> {"->"} now
        </button>
      ))}
      {picked !== null && <p>It is {picked} that you chose. <a href="#undo">Take it back</a> or go on.</p>}
    </section>
  );
}
`;
