import { createRandom } from "../../../core/statistics/random.ts";
import { ANSWERS, CALL } from "./behaviour.ts";
import type { Driver } from "./driver.ts";

/** A random walk: the same behaviours in any order, at any pace, in one file. */
export interface Walk {
  readonly name: string;
  readonly steps: readonly (readonly string[])[];
}

/** Suggestions that one walk asks for. */
const ROUNDS = 3;

/** `weight` times, and the steps while a suggestion of one line is up. */
type Act = readonly [weight: number, make: (random: () => number) => string];

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)]!;
const maybe = (step: string, random: () => number): string => (random() < 0.5 ? `${step}\n` : "");
const along = (random: () => number): string =>
  `type "${CALL.slice(0, 1 + Math.floor(random() * 9))}"\n${maybe("settle", random)}`;
const other = (random: () => number): string => pick(["x", "other", "7", "[1, 2]", "not value", "(z)"], random);
const words = (random: () => number): string => "press Control+ArrowRight\npart\n".repeat(1 + Math.floor(random() * 3));
const away = (random: () => number): string =>
  pick(
    [
      "press ArrowUp",
      "press ArrowLeft",
      "press Home",
      "clickLine 0",
      "press Enter",
      "press Backspace",
      "press Control+Backspace",
      "file",
    ],
    random,
  );

const ACTS: readonly Act[] = [
  [6, () => "press Tab"],
  [3, (random) => `${along(random)}press Tab`],
  [1, () => "command editor.action.inlineSuggest.trigger\nsettle\npress Tab"],
  [1, () => `insert 0 "# above\\n"\nsettle\npress Tab`],
  [1, () => "press Tab\nsettle\npress Control+z"],
  [1, () => "press Tab\nsettle\npress Control+z\nsettle\npress Control+y"],
  [1, (random) => `${along(random)}press Backspace\n${maybe("settle", random)}press Tab`],
  [1, () => "widget\nsettle\npress Escape\nsettle\nagain\npress Tab"],
  [4, words],
  [2, (random) => `${words(random)}press Tab`],
  [2, (random) => `${words(random)}press Escape`],
  [2, (random) => `${words(random)}typed-over: type "${other(random)}"`],
  [1, (random) => `${along(random)}press Control+ArrowRight\npart`],
  [5, () => "press Escape"],
  [2, (random) => `${along(random)}press Escape`],
  [1, () => "press Escape\ncommand editor.action.inlineSuggest.trigger\nshown\npress Tab"],
  [5, (random) => `typed-over: type "${other(random)}"`],
  [3, (random) => `${along(random)}typed-over: type "_${other(random)}"`],
  [1, (random) => `typed-over: paste "${other(random)}"`],
  [3, () => `typed-through: type "${CALL}"`],
  [8, (random) => `ignored: ${away(random)}`],
  [2, (random) => `${along(random)}ignored: ${away(random)}`],
  [1, () => `widget\nignored: press Enter`],
];
const TOTAL = ACTS.reduce((sum, [weight]) => sum + weight, 0);

const PACES = ["", "seen 60", "seen 120", "seen 250", "seen 800"];

/** The walk of a seed: equal for equal seeds. */
export function walkOf(seed: number): Walk {
  const random = createRandom(seed);
  const steps: string[][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Where the last one left the cursor does not matter: what is still up is left here.
    const begin = round === 0 ? "" : `open\nignored: press Control+End\npress Enter\n`;
    const isOther = random() < 0.05;
    const name = isOther ? "other" : "value";
    const up = isOther ? "ghost\npress Tab" : `shown\n${pick(PACES, random)}\n${actOf(random)}`;
    // Only the last key matters: it is the one that the editor asks after.
    const keys = `paste "r${seed}_${round}_${name} ="\ntype " "`;
    steps.push(`${begin}${keys}\n${up}`.split("\n").filter((line) => line !== ""));
  }
  return { name: `walk_${seed}.py`, steps };
}

function actOf(random: () => number): string {
  let left = random() * TOTAL;
  for (const [weight, make] of ACTS) {
    left -= weight;
    if (left < 0) return make(random);
  }
  return "press Tab";
}

/**
 * Plays a walk; what could not be played is told, and the walk goes on with its next suggestion. What is
 * up at its end is left when the next file is opened.
 */
export async function playWalk(driver: Driver, walk: Walk): Promise<string[]> {
  const problems: string[] = [];
  try {
    await driver.open(walk.name, "file", "a = 1\n|", ANSWERS);
    for (const round of walk.steps) {
      try {
        for (const step of round) await (step === "open" ? driver.back(walk.name) : driver.play(step));
      } catch (error) {
        problems.push(`${walk.name}: ${(error as Error).message.split("\n")[0]}`);
      }
    }
  } catch (error) {
    problems.push(`${walk.name}: ${(error as Error).message.split("\n")[0]}`);
  }
  return problems;
}
