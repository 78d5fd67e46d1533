/** "12,345". */
export function countText(count: number): string {
  return count.toLocaleString("en");
}

/** "1 row", "2 rows". */
export function nounText(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A fraction as percent with one decimal: "42.5 %". */
export function percentText(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** A difference with its sign: "+0.031", "−0.2". */
export function signedText(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/** "1.4 MB". */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** The end of an id, which differs where UUIDv7 heads are alike; short ids whole. */
export function shortId(id: string): string {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id)) return id.slice(-8);
  return id.length > 16 ? id.slice(0, 12) : id;
}
