import type { DatasetRow } from "../../core/dataset-row.ts";
import { redactPlace } from "../../core/redaction/place.ts";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import type { EvaluationSample } from "../../protocol/samples.ts";

/** Enough to see what changed, and few enough to read. */
const MAX_SAMPLES = 5;
/** Code around the cursor that is kept with a sample, characters: some ten lines before and five behind. */
const BEFORE_CHARS = 480;
const AFTER_CHARS = 240;

/** A case with what both sides wrote. */
export interface WrittenCase {
  readonly row: DatasetRow;
  readonly champion: WrittenText;
  readonly challenger: WrittenText;
}

interface WrittenText {
  readonly text: string;
  readonly acceptedAtLine: boolean;
}

/**
 * A few cases of a test for people to read: evenly over time, whatever came out of them, so that the same dataset
 * gives the same places in every run. A model may write a secret that nothing it was shown has.
 */
export const samplesOf = (cases: readonly WrittenCase[]): EvaluationSample[] =>
  evenlySpaced(cases, MAX_SAMPLES).map(({ row, champion, challenger }) => {
    const { suggestionId, root, path, language, prefix, suffix, completion } = row;
    const side = ({ text, acceptedAtLine }: WrittenText) => ({
      text: redactPlace({ prefix, written: text, suffix }).written,
      accepted: acceptedAtLine,
    });
    return {
      suggestionId,
      root,
      path,
      language,
      before: wholeCharacters(prefix.slice(-BEFORE_CHARS)),
      after: wholeCharacters(suffix.slice(0, AFTER_CHARS)),
      kept: completion,
      champion: side(champion),
      challenger: side(challenger),
    };
  });

/** A cut may have gone through a surrogate pair. */
const wholeCharacters = (text: string): string => text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
