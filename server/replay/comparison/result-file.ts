import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Condition, ConditionCase } from "./condition.ts";

/** Cases of a measurement that takes long, on disk as they come: a run that was stopped goes on. */
export interface ResultFile {
  readonly cases: readonly ConditionCase[];
  has(condition: Condition, pointId: string): boolean;
  add(one: ConditionCase): void;
}

/** Opens the file of the measurement that `key` names; what another one left there is begun anew. */
export function openResultFile(file: string, key: string): ResultFile {
  const cases: ConditionCase[] = [];
  const known = new Set<string>();
  const take = (one: ConditionCase): void => {
    cases.push(one);
    known.add(`${one.condition} ${one.pointId}`);
  };
  const head = `${JSON.stringify({ measurement: key })}\n`;
  const earlier = existsSync(file) ? readFileSync(file, "utf8") : "";
  // What follows the last line end was cut off when the run was stopped.
  const whole = earlier.slice(0, earlier.lastIndexOf("\n") + 1);
  if (whole.startsWith(head)) {
    for (const line of whole.slice(head.length).split("\n")) if (line !== "") take(JSON.parse(line) as ConditionCase);
    writeFileSync(file, whole);
  } else {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, head);
  }
  return {
    cases,
    has: (condition, pointId) => known.has(`${condition.name} ${pointId}`),
    add(one) {
      appendFileSync(file, `${JSON.stringify(one)}\n`);
      take(one);
    },
  };
}
