import { hardCodedTexts, placeholders, translatedTexts, untranslatedManifestTexts } from "./language-texts.ts";
import { readText, repositoryFiles } from "./tracked-files.ts";
import assert from "node:assert/strict";

type Texts = Readonly<Record<string, string>>;
const json = (file: string): Texts => JSON.parse(readText(file)) as Texts;

const manifest = readText("package.json");
const english = json("package.nls.json");
const german = json("package.nls.de.json");
const bundle = json("l10n/bundle.l10n.de.json");
const sources = repositoryFiles().filter((file) => /^extension\/.*\.ts$/.test(file));
const texts = new Set(sources.flatMap((file) => translatedTexts(readText(file), file)));

/** Texts whose translation has other placeholders: `{0}` in code, links and commands in the manifest. */
const differing = (pairs: readonly (readonly [string, string])[]): string[] =>
  pairs
    .filter(([from, to]) => placeholders(from).join() !== placeholders(to).join())
    .map(([from, to]) => `${from} → ${to}`);

describe("languages", () => {
  it("patterns see what they look for", () => {
    const call = 'vscode.l10n.t(\n  "a {0} \\"b\\"",\n  1)';
    assert.deepEqual(translatedTexts(call, "x.ts"), ['a {0} "b"']);
    assert.throws(() => translatedTexts("vscode.l10n.t(text)", "x.ts"), /x\.ts/);
    assert.throws(() => translatedTexts("vscode.l10n.t(`a ${b}`)", "x.ts"), /x\.ts/);
    assert.deepEqual(hardCodedTexts('window.showInformationMessage("No text")'), ["No text"]);
    assert.deepEqual(hardCodedTexts("{ label: `$(x) Pause` }"), ["$(x) Pause"]);
    assert.deepEqual(hardCodedTexts('{ label: vscode.l10n.t("Pause"), title: "Kept" }'), []);
    assert.deepEqual(placeholders("{1} [a](command:kept.b) {0}"), ["command:kept.b", "{0}", "{1}"]);
    assert.deepEqual(untranslatedManifestTexts({ commands: [{ title: "Open", category: "Kept" }] }), ["title: Open"]);
  });

  it("the manifest holds keys, never texts", () => {
    assert.deepEqual(untranslatedManifestTexts(JSON.parse(manifest)), []);
  });

  it("every key of the manifest has an English and a German text, and none is left over", () => {
    const keys = new Set([...manifest.matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]!));
    assert.ok(keys.size > 20);
    assert.deepEqual(Object.keys(english).sort(), [...keys].sort());
    assert.deepEqual(Object.keys(german).sort(), [...keys].sort());
  });

  it("every text of the extension has a German text, and none is left over", () => {
    assert.ok(texts.size > 20);
    assert.deepEqual(Object.keys(bundle).sort(), [...texts].sort());
  });

  it("German texts have the placeholders, links and commands of the English ones", () => {
    assert.deepEqual(differing(Object.entries(bundle)), []);
    assert.deepEqual(differing(Object.entries(english).map(([key, text]) => [text, german[key] ?? ""])), []);
  });

  it("no German text is empty", () => {
    for (const [key, text] of [...Object.entries(bundle), ...Object.entries(german)])
      assert.notEqual(text.trim(), "", key);
  });

  it("nothing that a person reads in the editor is hard-coded", () => {
    assert.deepEqual(
      sources.flatMap((file) => hardCodedTexts(readText(file)).map((text) => `${file}: ${text}`)),
      [],
    );
  });
});
