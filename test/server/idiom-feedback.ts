import { createHash } from "node:crypto";
import type { KeptEvent } from "../../protocol/events.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { v7 as uuidv7 } from "uuid";

const HOUR_MS = 3_600_000;
const START_MS = 1_750_000_000_000;

/** Feedback of `n` suggestions over as many hours: the developer writes one idiom again and again. */
export function feedback(n: number): KeptEvent[] {
  return Array.from({ length: n }, (_, i) => {
    const session = sampleSession(START_MS + i * HOUR_MS);
    const id = uuidv7();
    const word = createHash("sha256").update(String(i)).digest("hex").slice(0, 24);
    const shown = shownWith(session, id, {
      path: `src/file-${i % 30}.ts`,
      prefix: `// ${word}\nexport const value = `,
      completion: `keep(${i});`,
    });
    return i % 4 === 3
      ? [shown, session.of("rejected", id), session.of("typed-instead", id, { text: `keep("${word}", ${i});` })]
      : [shown, session.of("accepted", id), session.of("retained", id)];
  }).flat();
}
