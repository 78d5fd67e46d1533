import { readFileSync } from "node:fs";
import type { CaseMeasures, GateCase } from "../../../core/evaluation/gate.ts";

/**
 * Measured cases as lines of tab-separated numbers: commit (counted from 0), then accepted@line, edit similarity
 * and loss of the champion, then those of the challenger. No code, no names.
 */
export function pairLines(cases: readonly GateCase[]): string {
  const commits = new Map<string, number>();
  const line = ({ group, champion, challenger }: GateCase): string => {
    if (!commits.has(group)) commits.set(group, commits.size);
    return [commits.get(group)!, ...fields(champion), ...fields(challenger)].join("\t");
  };
  return `${HEAD}\n${cases.map(line).join("\n")}\n`;
}

/** @throws on a line that is none of {@link pairLines} */
export function readPairs(file: string): GateCase[] {
  const [head, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  if (head !== HEAD) throw new Error(`${file} does not begin with the names of its columns.`);
  return lines.map((line, at) => {
    const numbers = line.split("\t").map(Number);
    if (numbers.length !== 7 || numbers.some((value) => !Number.isFinite(value)))
      throw new Error(`${file}:${at + 2} is no case.`);
    const [commit, ...rest] = numbers;
    return { group: String(commit), champion: measures(rest.slice(0, 3)), challenger: measures(rest.slice(3)) };
  });
}

const HEAD = ["commit", "accepted0", "similarity0", "loss0", "accepted1", "similarity1", "loss1"].join("\t");

const fields = (one: CaseMeasures): (string | number)[] => [
  Number(one.acceptedAtLine),
  Number(one.editSimilarity.toFixed(3)),
  Number(one.heldOutLoss.toFixed(4)),
];

const measures = ([accepted, similarity, loss]: readonly number[]): CaseMeasures => ({
  acceptedAtLine: accepted === 1,
  editSimilarity: similarity!,
  heldOutLoss: loss!,
});
