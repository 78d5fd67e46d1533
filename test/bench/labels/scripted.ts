import { ACCEPTS, PARTIAL_ACCEPTS } from "./accepts.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Driver } from "./driver.ts";
import { inferredOf, type Inferred } from "./inferred.ts";
import { IGNORED, OTHERS, REJECTED, TYPED, WIDGET } from "./refusals.ts";
import { truthsOf, type Truth } from "./truth.ts";

export const BEHAVIOURS: readonly Behaviour[] = [
  ...ACCEPTS,
  ...PARTIAL_ACCEPTS,
  ...TYPED,
  ...REJECTED,
  ...IGNORED,
  ...WIDGET,
  ...OTHERS,
];

/** How one behaviour went. */
export interface Played {
  readonly behaviour: Behaviour;
  /** Name that its log entries carry. */
  readonly name: string;
  /** What went wrong while it was played, or null. */
  readonly problem: string | null;
}

export interface Judged {
  readonly name: string;
  /** Empty when Kept, the editor's own lifecycle and the script agree. */
  readonly problems: readonly string[];
}

/** Plays the behaviours in one editor, one file each. */
export async function playAll(
  driver: Driver,
  behaviours: readonly Behaviour[],
  signal: AbortSignal,
): Promise<Played[]> {
  const played: Played[] = [];
  await driver.warmUp();
  // Its suggestion ends before the first behaviour begins: it is none of that.
  await driver.leave();
  for (const [i, behaviour] of behaviours.entries()) {
    signal.throwIfAborted();
    const name = `behaviour_${i}.py`;
    let problem: string | null = null;
    try {
      await driver.open(name, behaviour.place, behaviour.text, behaviour.answers);
      for (const step of behaviour.steps) await driver.play(step);
      if (behaviour.leaves !== undefined) await driver.play(`left ${JSON.stringify(behaviour.leaves)}`);
    } catch (error) {
      problem = `${(error as Error).message}\n${driver.told()}\n`;
    }
    // What the last one began, an accept's command among it, ends before the next editor is opened.
    await driver.leave().catch((error: Error) => {
      problem ??= `could not be left: ${error.message}`;
    });
    played.push({ behaviour, name, problem });
  }
  return played;
}

/** Compares what Kept says with the script and with the editor's own lifecycle. */
export function judge(played: readonly Played[], truths: readonly Truth[], inferred: readonly Inferred[]): Judged[] {
  return played.map(({ behaviour, name, problem }) => {
    const wanted = behaviour.expect === "" ? [] : behaviour.expect.split("; ");
    const own = truths.filter((truth) => truth.behaviour === name);
    const told = own.map(({ id }) => inferred.find((one) => one.id === id));
    const problems = problem === null ? [] : [problem];
    const real = own.map(({ outcome }) => outcome);
    const outcomes = wanted.map((one) => one.split(/[ :]/, 1)[0]!);
    if (real.join() !== outcomes.join()) problems.push(`the editor says [${real.join(", ")}]`);
    for (const [i, want] of wanted.entries()) {
      const said = told[i] ? describe(told[i], want) : "not-shown";
      if (said !== want) problems.push(`Kept says ${said}, not ${want}`);
      if (told[i] && told[i].nEndings > 1) problems.push(`Kept tells ${told[i].nEndings} endings`);
    }
    return { name: behaviour.name, problems };
  });
}

/** What Kept says, with as much beside the outcome as the script asks for. */
function describe(told: Inferred, want: string): string {
  const characters = want.includes(":") ? `:${told.acceptedCharacters}` : "";
  const notes = told.notes.filter((note) => note !== "read" || want.includes("read"));
  return [told.outcome + characters, ...notes].join(" ");
}

/** Judges what was played, once Kept has stored its last decision. */
export async function judgeAll(driver: Driver, played: readonly Played[]): Promise<Judged[]> {
  return judge(played, truthsOf(driver.log), inferredOf(await driver.stored()));
}
