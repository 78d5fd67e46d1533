import { SaxesParser } from "saxes";

export interface ListedKey {
  readonly key: string;
  readonly bytes: number;
}

/** Texts of all elements of a name, in their order; none when the text is no XML. Entities of a document are not read. */
export function textsIn(xml: string, name: string): string[] {
  const texts: string[] = [];
  let text: string | null = null;
  const parser = new SaxesParser();
  parser.on("opentag", (tag) => void (text = tag.name === name ? "" : text));
  parser.on("text", (more) => void (text = text === null ? null : text + more));
  parser.on("closetag", (tag) => {
    if (tag.name !== name || text === null) return;
    texts.push(text);
    text = null;
  });
  parser.on("error", () => {
    throw new SyntaxError("no XML");
  });
  try {
    parser.write(xml).close();
    return texts;
  } catch {
    return [];
  }
}

/** A page of `ListObjectsV2`; null when it is something else. */
export function listedIn(xml: string): { readonly keys: readonly ListedKey[]; readonly next: string } | null {
  if (!/<ListBucketResult[\s>]/.test(xml)) return null;
  // Prefixes hold no key here: no delimiter is asked for.
  const [keys, sizes] = [textsIn(xml, "Key"), textsIn(xml, "Size")];
  const isTruncated = textsIn(xml, "IsTruncated")[0] === "true";
  if (keys.length !== sizes.length || (keys.length === 0 && textsIn(xml, "IsTruncated").length === 0)) return null;
  return {
    keys: keys.map((key, i) => ({ key, bytes: Number(sizes[i]) })),
    next: isTruncated ? (textsIn(xml, "NextContinuationToken")[0] ?? "") : "",
  };
}
