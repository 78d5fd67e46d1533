import type { Answer, Place } from "./log.ts";

/** One scripted behaviour of a developer, and what Kept must say of it. */
export interface Behaviour {
  readonly name: string;
  /** Text of the file that is opened; each `|` is a cursor. */
  readonly text: string;
  readonly answers: readonly Answer[];
  readonly steps: readonly string[];
  /**
   * What becomes of each suggestion that was shown, in order, parted by `; `: its outcome, accepted
   * characters after `:` where they matter, and after it `undone` and `redone`. Empty: none was shown.
   */
  readonly expect: string;
  /** The file's text at the end, where it matters. */
  readonly leaves?: string;
  readonly place: Place;
}

type Options = Partial<Pick<Behaviour, "text" | "answers" | "leaves" | "place">>;

export const CALL = "alpha(beta, gamma)";
const FUNCTION = "alpha(1):\n    x = 1\n    return x + beta";

/** What the test-only engine knows; a behaviour may bring its own. */
export const ANSWERS: readonly Answer[] = [
  { after: "value = ", text: CALL },
  { after: "def ", text: FUNCTION },
  { after: "total = ", text: "first + second + third" },
];

/** `steps` is one step a line; most begin with the keys that bring the suggestion up. */
export function behaviour(name: string, steps: string, expect: string, options: Options = {}): Behaviour {
  return {
    name,
    text: "a = 1\n|\nb = 2\n",
    answers: ANSWERS,
    place: "file",
    steps: steps
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== ""),
    expect,
    ...options,
  };
}

/** The keys that bring the usual suggestion up, and the wait until it stands. */
export const UP = `type "value = "\n shown\n seen 100\n`;
export const UP_LINES = `type "def "\n shown\n seen 100\n`;
