import { styleText } from "node:util";

/** What the demo did in each stage of the loop, in its order. */
export interface StageTimes {
  add(stage: string, ms: number, note?: string): void;
  note(stage: string, note: string): void;
  rows(): readonly { readonly stage: string; readonly ms: number; readonly note: string }[];
}

export function createStageTimes(stages: readonly string[]): StageTimes {
  const times = new Map(stages.map((stage) => [stage, { stage, ms: 0, note: "" }]));
  const row = (stage: string) => {
    const found = times.get(stage) ?? { stage, ms: 0, note: "" };
    times.set(stage, found);
    return found;
  };
  return {
    add(stage, ms, note) {
      const found = row(stage);
      found.ms += ms;
      if (note !== undefined) found.note = note;
    },
    note: (stage, note) => void (row(stage).note = note),
    rows: () => [...times.values()],
  };
}

/** A heading of the demo's output. */
export const heading = (text: string): string => `\n${styleText("bold", text)}\n`;

/** Lines of code between bars, control characters shown. */
export function codeBlock(text: string, printable: (line: string) => string): string {
  return text
    .split("\n")
    .map((line) => `  ${styleText("dim", "│")} ${printable(line.replace(/\t/g, "  "))}\n`)
    .join("");
}
