import * as z from "zod";

/** More features than any filter has, so that what is pushed stays small. */
const MAX_FEATURES = 256;
const numbers = z.array(z.number()).max(MAX_FEATURES).readonly();
const share = z.number().min(0).max(1);

/** When to stay quiet: fitted to one developer's outcomes, a few hundred bytes. The editor decides with it. */
export const showFilter = z.object({
  featuresVersion: z.int(),
  means: numbers,
  scales: numbers,
  weights: numbers,
  bias: z.number(),
  /** Suggestions less likely to be taken than this are held back. */
  threshold: share,
  outcomes: z.int(),
  accepts: z.int(),
  measured: z.object({ outcomes: z.int(), badHeld: share, acceptsHeld: share }),
});
