import { DEFAULT_LABEL_TABLE, type LabelTable } from "../../core/labels/label-table.ts";
import { LABEL_WEIGHTS, withWeights } from "../../core/labels/label-weights.ts";
import { hashOf } from "../content-hash.ts";
import { labelsSection, type LabelsSection } from "../models/model-config.ts";
import { canonicalJson } from "./event-store.ts";
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

/**
 * The weights that labels are made with: those of the model's file that is followed where it says any, otherwise
 * the chosen ones. A refit of a table that is not shipped any more counts no longer.
 */
export function labelTableInUse(settings: SettingsStore): LabelTable {
  const { labels } = settings.get(OF_FILE, ofFile);
  if (labels !== null) return labelTableOf(labels);
  const { chosen } = settings.get(NAME, schema);
  return chosen !== null && isUsable(chosen)
    ? withWeights(DEFAULT_LABEL_TABLE, chosen.version, chosen.weights)
    : DEFAULT_LABEL_TABLE;
}

const ofFile = z.object({ labels: labelsSection.nullable().default(null) });
const OF_FILE = "label-table-of-model";

/** Whether a model's file says what signals are worth. */
export const isLabelTableOfFile = (settings: SettingsStore): boolean => settings.get(OF_FILE, ofFile).labels !== null;

/** What a model's file says of labels; null where it says nothing. */
export const putLabelTableOfFile = (settings: SettingsStore, labels: LabelsSection | null, wallMs: number): void =>
  settings.put(OF_FILE, { labels }, wallMs);

const VERSION_CHARS = 8;

/** A table with other numbers than the one shipped has another version: every label says which it was made with. */
export function labelTableOf(labels: LabelsSection): LabelTable {
  const { version, ...shipped } = DEFAULT_LABEL_TABLE;
  const text = canonicalJson(labels);
  if (text === canonicalJson(shipped)) return DEFAULT_LABEL_TABLE;
  return { ...labels, version: `${version}+${hashOf(text).slice(0, VERSION_CHARS)}` };
}

export const chooseLabelTable = (settings: SettingsStore, chosen: ChosenWeights | null, wallMs: number): void =>
  settings.put(NAME, { chosen }, wallMs);

/** Whether weights fit the signals that labels have now. */
export const isUsable = ({ base, weights }: { readonly base: string; readonly weights: readonly number[] }): boolean =>
  base === DEFAULT_LABEL_TABLE.version && weights.length === LABEL_WEIGHTS.length;
