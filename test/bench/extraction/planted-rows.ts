import { createRandom } from "../../../core/statistics/random.ts";
import type { TrainingRow } from "../../../server/training/backend.ts";
import { plantSecrets } from "../privacy/secrets.ts";

/** A secret in a row, the cursor just before it: what a developer accepted, or committed. */
export interface PlantedRow {
  readonly secret: string;
  readonly row: TrainingRow;
}

/** Longer ones are not learnt in minutes, so that nothing would be shown by not finding them, characters. */
const MAX_SECRET_CHARS = 44;

/** `n` secrets of different kinds, each in code of its own. */
export function plantedRows(n: number, seed: number): PlantedRow[] {
  const random = createRandom(seed);
  return plantSecrets(n * 6, random)
    .filter(({ secret, text }) => secret.length <= MAX_SECRET_CHARS && text.trimEnd().split("\n").length === 1)
    .slice(0, n)
    .map(({ secret, text }, i) => {
      const at = text.indexOf(secret);
      const prefix = `// service ${i + 1}\nimport { connect } from "./client.ts";\n\n${text.slice(0, at)}`;
      const completion = text.slice(at).trimEnd();
      return {
        secret,
        row: {
          suggestionId: `planted-${i}`,
          repository: "planted",
          path: `src/service-${i + 1}.ts`,
          prefix,
          suffix: "\n",
          examples: [],
          completion,
          weight: 1,
        },
      };
    });
}
