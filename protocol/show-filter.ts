import * as z from "zod";

/** More features than any filter has, so that what is pushed stays small. */
const MAX_FEATURES = 256;
const numbers = z.array(z.number()).max(MAX_FEATURES).readonly();
const share = z.number().min(0).max(1);

const MAX_TREES = 500;
const tree = z.object({
  features: z.array(z.int().nonnegative()).max(MAX_FEATURES).readonly(),
  borders: numbers,
  leaves: numbers,
});

/** When to stay quiet: fitted to one developer's outcomes, less than twenty kilobytes. The editor decides with it. */
export const showFilter = z.object({
  featuresVersion: z.int(),
  logistic: z.object({ means: numbers, scales: numbers, weights: numbers, bias: z.number() }),
  boosted: z.object({ bias: z.number(), trees: z.array(tree).max(MAX_TREES).readonly() }),
  /** Suggestions less likely to be taken than this are held back. */
  threshold: share,
  outcomes: z.int(),
  accepts: z.int(),
  measured: z.object({ outcomes: z.int(), badHeld: share, acceptsHeld: share }),
});
