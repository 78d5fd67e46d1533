import type { Bar, Bench } from "./harness/report.ts";
import { matrixLines, pairsOf, qualityOf, type Pair } from "./labels/confusion.ts";
import { createDriver } from "./labels/driver.ts";
import { openEditorUnderTest } from "./labels/editor-under-test.ts";
import { inferredOf } from "./labels/inferred.ts";
import { BEHAVIOURS, judgeAll, playAll } from "./labels/scripted.ts";
import { OUTCOMES, truthsOf, type Outcome } from "./labels/truth.ts";
import { playWalk, walkOf } from "./labels/walks.ts";
import { parseArgs } from "node:util";

const options = {
  walks: { type: "string", default: "300" },
  seed: { type: "string", default: "1" },
  /** Only behaviours whose names hold this. */
  only: { type: "string" },
} as const;

/** Least precision and recall on the walks, by outcome. */
const LEAST: readonly (readonly [Outcome, number])[] = [
  ["accepted", 0.98],
  ["partially-accepted", 0.98],
  ["rejected", 0.95],
  ["ignored", 0.9],
  ["typed-over", 0.9],
];
/** Walks in one editor: its outbox holds 20,000 events, and a walk makes fewer than 100. */
const WALKS_AN_EDITOR = 50;

/** `npm run bench -- labels`: see docs/label-quality.md. */
export const bench: Bench = {
  about:
    "Kept's outcomes against the editor's own lifecycle: scripted behaviours and random walks, precision and recall",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const nWalks = Number(values.walks);
    const seed = Number(values.seed);
    const behaviours = BEHAVIOURS.filter(({ name }) => name.includes(values.only ?? ""));

    const began = performance.now();
    const wrong = await scripted(behaviours, signal, say);
    const scriptedSeconds = (performance.now() - began) / 1_000;

    const walksBegan = performance.now();
    const pairs: Pair[] = [];
    const problems: string[] = [];
    for (let first = 0; first < nWalks; first += WALKS_AN_EDITOR) {
      await using editor = await openEditorUnderTest({});
      const driver = createDriver(editor);
      const last = Math.min(nWalks, first + WALKS_AN_EDITOR);
      for (let i = first; i < last; i += 1) {
        signal.throwIfAborted();
        problems.push(...(await playWalk(driver, walkOf(seed + i))));
      }
      await driver.leave();
      pairs.push(...pairsOf(truthsOf(driver.log), inferredOf(await driver.stored())));
      say(`${last} of ${nWalks} walks, ${pairs.length} suggestions, ${pairs.filter(isWrong).length} wrong`);
    }
    for (const problem of problems) say(`could not be played: ${problem}`);
    for (const { behaviour, real, said } of pairs.filter(isWrong)) say(`${behaviour}: ${real}, and Kept says ${said}`);
    if (pairs.length > 0) for (const line of matrixLines(pairs)) say(line);

    const bars: Bar[] = [{ name: "scripted behaviours wrong", value: wrong, target: 0, want: "at-most" }];
    const metrics: Record<string, number> = {
      "scripted behaviours": behaviours.length,
      "scripted seconds": scriptedSeconds,
      walks: nWalks,
      "walk seed": seed,
      "walk suggestions": pairs.length,
      "walk steps not played": problems.length,
      "walk seconds": (performance.now() - walksBegan) / 1_000,
    };
    if (nWalks > 0) {
      for (const outcome of OUTCOMES) {
        const { nReal, precision, recall } = qualityOf(pairs, outcome);
        metrics[`${outcome} suggestions`] = nReal;
        if (!Number.isNaN(precision)) metrics[`${outcome} precision`] = precision;
        if (!Number.isNaN(recall)) metrics[`${outcome} recall`] = recall;
      }
      for (const [outcome, target] of LEAST) {
        const { precision, recall } = qualityOf(pairs, outcome);
        bars.push({ name: `${outcome} precision on walks`, value: precision, target, want: "at-least" });
        bars.push({ name: `${outcome} recall on walks`, value: recall, target, want: "at-least" });
      }
    }
    return { metrics, bars };
  },
};

const isWrong = ({ real, said }: Pair): boolean => real !== said;

/** How many of the scripted behaviours Kept, or the script, got wrong. */
async function scripted(
  behaviours: typeof BEHAVIOURS,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  if (behaviours.length === 0) return 0;
  await using editor = await openEditorUnderTest({});
  const driver = createDriver(editor);
  const played = await playAll(driver, behaviours, signal);
  const judged = await judgeAll(driver, played);
  const wrong = judged.filter(({ problems }) => problems.length > 0);
  for (const { name, problems } of wrong) say(`${name}: ${problems.join("; ")}`);
  say(`${judged.length - wrong.length} of ${judged.length} scripted behaviours are right`);
  return wrong.length;
}
