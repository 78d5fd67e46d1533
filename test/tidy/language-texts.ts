/** Literals that a source gives to `l10n.t`. Throws when a call has something else: no bundle can hold it. */
export function translatedTexts(source: string, file: string): string[] {
  return [...source.matchAll(/\bl10n\.t\(\s*/g)].map(({ index, 0: call }) => {
    const rest = source.slice(index + call.length);
    const literal = /^"(?:[^"\\\n]|\\.)*"(?=\s*[,)])/.exec(rest)?.[0];
    if (literal === undefined)
      throw new Error(`${file}: l10n.t takes one literal in double quotes, not ${rest.split("\n")[0]}`);
    return JSON.parse(literal) as string;
  });
}

/** Words in the places that the editor shows: messages, labels, titles, tooltips. */
const SHOWN =
  /(?:show(?:Information|Warning|Error)Message\(\s*|\b(?:label|title|detail|description|placeHolder|prompt|tooltip|message): )(?:"([^"\n]*)"|`([^`]*)`)/g;
/** Its own name is the same in every language. */
const NAMES = new Set(["Kept"]);

export function hardCodedTexts(source: string): string[] {
  return [...source.matchAll(SHOWN)]
    .map((match) => match[1] ?? match[2] ?? "")
    .filter((text) => !NAMES.has(text) && /[A-Za-z]{2}/.test(withoutCode(text)));
}

/** What stays of a template without its expressions and icons. */
function withoutCode(text: string): string {
  let plain = text;
  for (let before = ""; before !== plain;) {
    before = plain;
    plain = plain.replace(/\$\{[^{}]*\}|\{[^{}$]*\}/g, "");
  }
  return plain.replace(/\$\([\w~-]+\)/g, "").replace(/\bKept\b/g, "");
}

/** What a translation must keep, sorted: `{0}`, `command:…` links, `code`, `#setting#`. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\d+\}|command:[\w.]+|`[^`]+`|https?:[^\s)]+|\$\([\w~-]+\)/g)]
    .map(([found]) => found)
    .sort();
}

const SHOWN_KEYS = new Set([
  "title",
  "shortTitle",
  "description",
  "markdownDescription",
  "enumDescriptions",
  "markdownEnumDescriptions",
  "deprecationMessage",
  "markdownDeprecationMessage",
  "contents",
  "name",
  "contextualTitle",
  "altText",
]);

/** Values of a manifest's `contributes` (or of the manifest) that are shown and are no `%key%`. */
export function untranslatedManifestTexts(value: unknown, key = ""): string[] {
  if (typeof value === "string") {
    const isShown = SHOWN_KEYS.has(key) && !/^%[^%]+%$/.test(value) && !["Kept", "kept"].includes(value);
    return isShown ? [`${key}: ${value}`] : [];
  }
  if (Array.isArray(value)) return value.flatMap((inner) => untranslatedManifestTexts(inner, key));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([inner, below]) => untranslatedManifestTexts(below, inner));
}
