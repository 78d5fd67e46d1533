import type { KeptEvent } from "../../protocol/events.ts";
import { wordOf } from "../server/own-feedback.ts";
import { sampleSession, shownWith } from "../server/sample-events.ts";
import { v7 as uuidv7 } from "uuid";

const START_MS = 1_750_000_000_000;
const HOUR_MS = 3_600_000;

/** Feedback of `n` suggestions: one idiom again and again, and every tenth one disputed. */
export function disputedFeedback(n: number): KeptEvent[] {
  return Array.from({ length: n }, (_, i) => {
    const session = sampleSession(START_MS + i * HOUR_MS);
    const id = uuidv7();
    const shown = shownWith(session, id, {
      path: `src/file-${i % 30}.ts`,
      // The same texts in every run: what the gate says of them is the same too.
      prefix: `// ${wordOf(`disputed ${i}`)}\nexport const value = `,
      completion: `keep(${i});`,
    });
    if (i % 10 === 9) return [shown, session.of("accepted", id), session.of("undone", id)];
    return i % 4 === 3
      ? [shown, session.of("rejected", id), session.of("typed-instead", id, { text: `keep("${i}", ${i});` })]
      : [shown, session.of("accepted", id), session.of("retained", id)];
  }).flat();
}
