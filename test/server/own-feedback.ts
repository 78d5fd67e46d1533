import { createHash } from "node:crypto";
import type { KeptEvent } from "../../protocol/events.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { v7 as uuidv7 } from "uuid";

export const HOUR_MS = 3_600_000;
export const FIRST_MS = 1_750_000_000_000;

/** A word that no other text gives. */
export const wordOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 24);

/** The owner writes one idiom, again and again, over as many hours. */
export function ownFeedback(n: number): KeptEvent[] {
  return Array.from({ length: n }, (_, i) => {
    const session = sampleSession(FIRST_MS + i * HOUR_MS);
    const id = uuidv7();
    const shown = shownWith(session, id, {
      path: `src/file-${i % 40}.ts`,
      prefix: `// ${wordOf(`own ${i}`)}\nexport const value = `,
      completion: `keep(${i});`,
    });
    return [shown, session.of("accepted", id), session.of("retained", id)];
  }).flat();
}
