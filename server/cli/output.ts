import { stripVTControlCharacters } from "node:util";

/** Rows under a heading, columns as wide as their longest cell. Control characters are shown, not obeyed. */
export function table(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => printable(String(cell ?? "–"))));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells
    .map(
      (row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join("  ")
          .trimEnd() + "\n",
    )
    .join("");
}

/** One line, without anything that a terminal would act on. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "·");

/** Data on stdout: one JSON document, or what people read. */
export function print(value: unknown, options: { json?: boolean | undefined }, text: () => string): void {
  process.stdout.write(options.json === true ? JSON.stringify(value, null, 2) + "\n" : text());
}
