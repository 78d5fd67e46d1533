/** What an adapter is worth when its weights count this much. Losses in nats a token. */
export interface ScaleLook {
  /** Times the weights as they were trained. */
  readonly scale: number;
  /** Of rows that training held back; null without any. */
  readonly heldBack: number | null;
  /** Of code that has nothing to do with what was learnt. */
  readonly general: number;
}

export interface ScaleChoice {
  readonly chosen: ScaleLook;
  /**
   * Rise of the general loss over the lowest that was seen, of the base model or at any scale, relative: an adapter
   * may make general code better too, and forgets from there on.
   */
  readonly forgetting: number;
  /** Whether the adapter at that scale forgets no more than it may. */
  readonly holds: boolean;
}

/** Looked at in every case: an adapter that counts less forgets less, and soon knows less too. */
export const SCALES: readonly number[] = [1, 0.8, 0.6, 0.4];

/** Looked at where an adapter forgets too much at all of {@link SCALES}. */
export const LAST_SCALE = 0.2;

/** learning.md 5: the loss on general code rises by 2 % at most, relative. */
export const MAX_FORGETTING = 0.02;

/**
 * Of the scales that forget no more than `maxForgetting` the one with the lowest loss on what was held back; the
 * largest of them where nothing was held back. Where all forget more it is the one that forgets least.
 * docs/learning-quality.md has what it gives.
 */
export function chooseScale(
  looks: readonly ScaleLook[],
  base: { readonly general: number },
  maxForgetting: number = MAX_FORGETTING,
): ScaleChoice {
  const lowest = Math.min(...[base, ...looks].map(({ general }) => general).filter((loss) => Number.isFinite(loss)));
  const judged = looks
    .map((chosen) => ({ chosen, forgetting: chosen.general / lowest - 1 }))
    .map((one) => ({ ...one, holds: one.forgetting <= maxForgetting && Number.isFinite(one.chosen.heldBack ?? 0) }));
  const allowed = judged.filter(({ holds }) => holds);
  const best =
    allowed.length > 0
      ? least(allowed, ({ chosen }) => chosen.heldBack ?? -chosen.scale)
      : least(judged, ({ forgetting }) => (Number.isFinite(forgetting) ? forgetting : Infinity));
  if (best === undefined) throw new RangeError("There is no scale to choose from.");
  return best;
}

/** The first of the least. */
const least = <T>(all: readonly T[], of: (one: T) => number): T | undefined =>
  all.reduce<T | undefined>((best, one) => (best === undefined || of(one) < of(best) ? one : best), undefined);
