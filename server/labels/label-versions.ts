import { DEFAULT_LABEL_TABLE } from "../../core/labels/label-table.ts";
import { type JudgedSuggestion, MIN_VERDICTS, refitLabels } from "../../core/labels/refit.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { summariseSignals } from "../../core/labels/signals.ts";
import { refitReport, type LabelVersionRow, type LabelVersions } from "../../protocol/labels.ts";
import { isoTime, type Clock } from "../clock.ts";
import { hashOf } from "../content-hash.ts";
import { AppError } from "../errors.ts";
import { canonicalJson } from "../store/event-store.ts";
import { chooseLabelTable, isLabelTableOfFile, isUsable, labelTableInUse } from "../store/label-table.ts";
import { LEARNT_SETTINGS } from "../store/settings-store.ts";
import type { Store } from "../store/store.ts";
import { z } from "zod";

/** Label weights: as shipped, or one of the refits. */
export interface LabelVersionsPart {
  page(): LabelVersions;
  /** Fits the weights to the verdicts that stand. It changes no label. @throws AppError `too-few-verdicts` */
  refit(): LabelVersionRow;
  /** Makes every label anew, by and by. @throws AppError `not-found` */
  use(version: string): void;
}

/** Verdicts that are fitted to: the newest. */
const MAX_VERDICTS = 5_000;
/** Refits that are kept: the newest, and the one in use. */
const MAX_VERSIONS = 20;
const VERSION_HASH_CHARS = 8;
/** Verdicts on one file in one hour are drawn together. */
const GROUP_MS = 3_600_000;

const [, VERSIONS] = LEARNT_SETTINGS;
const stored = z.object({
  versions: z
    .array(
      z.object({
        version: z.string(),
        base: z.string(),
        weights: z.array(z.number()),
        createdAt: z.number(),
        report: refitReport,
      }),
    )
    .default([]),
});
type StoredVersion = z.infer<typeof stored>["versions"][number];

export function createLabelVersions(parts: {
  readonly store: Store;
  readonly clock: Clock;
  /** Labels wait to be made anew. */
  readonly wake: () => void;
}): LabelVersionsPart {
  const { store, clock, wake } = parts;
  const versions = (): StoredVersion[] => store.settings.get(VERSIONS, stored).versions;
  return {
    page: () => ({
      inUse: labelTableInUse(store.settings).version,
      shipped: DEFAULT_LABEL_TABLE.version,
      verdicts: store.suggestions.countRated(),
      needed: MIN_VERDICTS,
      versions: versions().map(rowOf),
    }),
    refit() {
      const table = labelTableInUse(store.settings);
      const fitted = refitLabels(
        store.moment(() => judgedSuggestions(store)),
        {
          shipped: DEFAULT_LABEL_TABLE,
          inUse: table,
          version: "",
        },
      );
      if (!fitted.ok)
        throw new AppError("too-few-verdicts", `${fitted.verdicts} of ${MIN_VERDICTS} human verdicts are there.`);
      const { report } = fitted;
      const weights = report.weights.map(({ after }) => after);
      const base = DEFAULT_LABEL_TABLE.version;
      const version = `${base}+${hashOf(canonicalJson({ base, weights })).slice(0, VERSION_HASH_CHARS)}`;
      const made = { version, base, weights, createdAt: clock.wallMs(), report: refitReport.parse(report) };
      store.transaction(() => {
        const others = versions().filter((one) => one.version !== version);
        const kept = others.filter((one, at) => at < MAX_VERSIONS - 1 || one.version === table.version);
        store.settings.put(VERSIONS, { versions: [made, ...kept] }, clock.wallMs());
      });
      return rowOf(made);
    },
    use(version) {
      const found = versions().find((one) => one.version === version);
      if (version !== DEFAULT_LABEL_TABLE.version && (found === undefined || !isUsable(found)))
        throw new AppError("not-found", `There is no label version ${version} that can be used.`);
      if (isLabelTableOfFile(store.settings))
        throw new AppError("invalid", "The weights of labels come from the model's file that is followed.", {
          hint: "Change them there, or `kept models use --none`.",
        });
      if (labelTableInUse(store.settings).version === version) return;
      store.transaction(() => {
        const chosen = found === undefined ? null : { version, base: found.base, weights: found.weights };
        chooseLabelTable(store.settings, chosen, clock.wallMs());
        store.derivations.add(store.labels.inShownOrder());
      });
      wake();
    },
  };
}

const rowOf = (one: StoredVersion): LabelVersionRow => ({
  version: one.version,
  createdAt: isoTime(one.createdAt),
  usable: isUsable(one),
  report: one.report,
});

/** Suggestions with a verdict that stands, in the order of time. */
function judgedSuggestions(store: Store): JudgedSuggestion[] {
  return store.suggestions.newestRated(MAX_VERDICTS).flatMap((id) => {
    const events = inSessionOrder(store.events.ofSuggestion(id));
    const signals = summariseSignals(events);
    const shown = shownEvent(events);
    if (shown === null || signals.rating === null) return [];
    const group = `${shown.context.root}\n${shown.context.path}\n${Math.floor(shown.wallMs / GROUP_MS)}`;
    return [{ signals, good: signals.rating === "up", group }];
  });
}
