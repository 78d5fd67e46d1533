import assert from "node:assert/strict";
import type { SnippetState } from "../../../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../../../core/survival/survival-state.ts";
import { BASKET, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";

export interface Expected {
  readonly state: SnippetState;
  /** Exact fraction, or from and to. */
  readonly tok: number | readonly [number, number];
  /** Places with the fraction that each holds. */
  readonly places?: Readonly<Record<string, number>>;
  readonly files?: readonly string[];
  readonly causes?: readonly string[];
  readonly gains?: number;
}

export const WITH_SNIPPET = `${BASKET}\n${SNIPPET}`;

/** Accepts the snippet in `a.ts`, does the steps, and compares where it is found. */
export const scenario = (
  name: string,
  steps: (repository: FollowedRepository) => Promise<unknown>,
  expected: Expected,
): void => {
  it(name, async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await steps(repository);
    const found = await repository.see();
    compare(found, expected);
    const gains = repository.records.filter(({ kind }) => kind === "gain").length;
    if (expected.gains !== undefined) assert.equal(gains, expected.gains, "gains");
  });
};

export const compare = (found: SnippetSurvival, expected: Expected): void => {
  const story = JSON.stringify({ ...found, text: undefined, before: undefined }, null, 1);
  assert.deepEqual(found.state, expected.state, story);
  const [low, high] = typeof expected.tok === "number" ? [expected.tok, expected.tok] : expected.tok;
  assert.ok(found.tok !== null && found.tok >= low && found.tok <= high, `tok is ${found.tok}: ${story}`);
  for (const [place, tok] of Object.entries(expected.places ?? {})) {
    const seen = found.where.find((one) => one.place === place || `${one.place} ${one.ref}` === place);
    assert.equal(seen?.tok ?? 0, tok, `${place}: ${story}`);
  }
  if (expected.files !== undefined) assert.deepEqual(found.where[0]?.files, expected.files, story);
  assert.deepEqual(
    found.losses.map(({ cause }) => cause),
    expected.causes ?? [],
    story,
  );
};

export const inDefault: SnippetState = { kind: "alive", in: "default" };
export const whole: Expected = { state: inDefault, tok: 1 };
export const commit = (repository: FollowedRepository): Promise<string> => repository.commit("accept");
/** Looks in between, as the editor does. */
export const lookAfter = async (
  repository: FollowedRepository,
  ...steps: (() => Promise<unknown>)[]
): Promise<void> => {
  for (const step of steps) {
    await step();
    await repository.look();
  }
};

/** The snippet as a formatter of other taste writes it. */
export const NARROW = `export function totalPrice(
    items: readonly Item[],
    discount: number,
): number {
    let total = 0
    for (const item of items) {
        if (item.hidden) continue
        total += item.price * item.quantity
    }
    const reduced = total * (1 - discount)
    return Math.max(
        0,
        reduced
    )
}
`;
