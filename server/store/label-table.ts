import { DEFAULT_LABEL_TABLE, type LabelTable } from "../../core/labels/label-table.ts";
import { LABEL_WEIGHTS, withWeights } from "../../core/labels/label-weights.ts";
import { LEARNT_SETTINGS, type SettingsStore } from "./settings-store.ts";
import { z } from "zod";

/** Weights of labels that were chosen, apart from the other refits: they are read whenever labels are made. */
const schema = z.object({
  /** Null are the shipped ones. */
  chosen: z
    .object({ version: z.string(), base: z.string(), weights: z.array(z.number()) })
    .nullable()
    .default(null),
});
export type ChosenWeights = NonNullable<z.infer<typeof schema>["chosen"]>;

const [NAME] = LEARNT_SETTINGS;

/** The weights that labels are made with. A refit of a table that is not shipped any more counts no longer. */
export function labelTableInUse(settings: SettingsStore): LabelTable {
  const { chosen } = settings.get(NAME, schema);
  return chosen !== null && isUsable(chosen)
    ? withWeights(DEFAULT_LABEL_TABLE, chosen.version, chosen.weights)
    : DEFAULT_LABEL_TABLE;
}

export const chooseLabelTable = (settings: SettingsStore, chosen: ChosenWeights | null, wallMs: number): void =>
  settings.put(NAME, { chosen }, wallMs);

/** Whether weights fit the signals that labels have now. */
export const isUsable = ({ base, weights }: { readonly base: string; readonly weights: readonly number[] }): boolean =>
  base === DEFAULT_LABEL_TABLE.version && weights.length === LABEL_WEIGHTS.length;
