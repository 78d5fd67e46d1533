/** Names with how often they occur: whole identifiers, and the words that compound ones are made of. */
export const identifiersOf = (text: string): Map<string, number> => {
  const counts = new Map<string, number>();
  const count = (name: string): void => {
    if (name.length < MIN_NAME_CHARS || KEYWORDS.has(name)) return;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const [name] of text.matchAll(/[\p{L}_$][\p{L}\p{N}_$]*/gu)) {
    const words = wordsOf(name);
    count(name);
    if (words.length > 1) for (const word of words) count(word);
  }
  return counts;
};

/** `parseHTTPHeader` and `parse_http_header` are parse, http and header. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .split(/[\s_$]+/u)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());

/** One and two letters name loop variables more than things. */
const MIN_NAME_CHARS = 3;

/** Words of the languages themselves: they are everywhere and say nothing about the place. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "abstract and any as assert async await boolean break case catch class const continue debugger declare def " +
    "default del delete do elif else enum except export extends false finally fn for from func function get global " +
    "go if impl implements import in instanceof interface is lambda let match mod module mut namespace new nil none " +
    "nonlocal not null number of or package pass private protected pub public raise readonly return self set static " +
    "string struct super switch this throw trait true try type typeof undefined unknown use var void while with yield " +
    "None True False"
  ).split(" "),
);
