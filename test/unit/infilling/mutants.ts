import type { InfillingTask } from "../../bench/infilling/infilling-task.ts";

/** One token for another that changes what code does nearly everywhere, strongest first. */
const SWAPS: readonly (readonly [RegExp, string])[] = [
  [/ === /, " !== "],
  [/ !== /, " === "],
  [/ <= /, " > "],
  [/ >= /, " < "],
  [/ < /, " >= "],
  [/ > /, " <= "],
  [/ && /, " || "],
  [/ \|\| /, " && "],
  [/ \+ /, " - "],
  [/ - /, " + "],
  [/ \* /, " + "],
  [/ \/ /, " * "],
  [/\.push\(/, ".unshift("],
  [/Math\.max/, "Math.min"],
  [/Math\.min/, "Math.max"],
  [/\btrue\b/, "false"],
  [/\bfalse\b/, "true"],
];

/** The reference answer with one token swapped, for each swap that applies. */
export function mutantsOf({ reference }: InfillingTask): string[] {
  return SWAPS.flatMap(([from, to]) => (from.test(reference) ? [reference.replace(from, to)] : []));
}
