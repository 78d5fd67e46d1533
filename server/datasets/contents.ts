import type { DatasetRow as Row } from "../../core/dataset-row.ts";
import { type DatasetParts, pairRows, rowsOfView, viewCounts } from "../../core/datasets/views.ts";
import type { DatasetRow } from "../../protocol/api.ts";
import type {
  DatasetContents,
  DatasetExample,
  DatasetExamples,
  DatasetSplitName,
  DatasetViewName,
} from "../../protocol/datasets.ts";
import { isoTime } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { CardManifest } from "./card.ts";
import { readSnapshotGently } from "./snapshot.ts";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Looks into the snapshots of one folder. The one that was looked into last stays in memory for a while. */
export interface DatasetReader extends Disposable {
  /** @throws AppError `not-found`, `dataset-gone` */
  contents(id: string): Promise<DatasetContents>;
  /** @throws AppError `not-found`, `dataset-gone` */
  examples(id: string, page: ExamplePage): Promise<DatasetExamples>;
}

export interface ExamplePage {
  readonly view: DatasetViewName;
  readonly split: DatasetSplitName;
  readonly from: number;
  readonly limit: number;
}

/** A dataset that nobody turns the pages of is let go of, milliseconds. */
const HELD_MS = 60_000;
/** Code around the cursor that is sent, characters: some forty lines. */
const CONTEXT_CHARS = 1_600;

export function createDatasetReader(store: Store, datasetsDir: string): DatasetReader {
  let held: { readonly sha256: string; readonly parts: Promise<DatasetParts> } | null = null;
  let timer: NodeJS.Timeout | undefined;

  const rowOf = (id: string): DatasetRow => {
    const dataset = store.datasets.get(id);
    if (dataset === null) throw new AppError("not-found", "There is no dataset with this id.");
    if (dataset.forgotten === true || dataset.expired === true || !hasRows(datasetsDir, dataset.sha256)) throw gone(id);
    return dataset;
  };
  const partsOf = async ({ sha256 }: DatasetRow): Promise<DatasetParts> => {
    if (held?.sha256 !== sha256) {
      const parts = readSnapshotGently(datasetsDir, sha256);
      held = { sha256, parts };
      // What could not be read is tried again.
      parts.catch(() => (held = null));
    }
    clearTimeout(timer);
    timer = setTimeout(() => (held = null), HELD_MS).unref();
    return held.parts;
  };

  return {
    async contents(id) {
      const dataset = rowOf(id);
      const manifest = JSON.parse(
        readFileSync(path.join(datasetsDir, dataset.sha256, "manifest.json"), "utf8"),
      ) as CardManifest;
      const { labelVersion, eventWatermark, seed, codeVersion, workspaces } = manifest;
      // Manifests of older versions do not count them.
      const views = manifest.views ?? countViews(await partsOf(dataset));
      return {
        dataset,
        views,
        dropped: Object.fromEntries(Object.entries(manifest.dropped).filter(([, count]) => count > 0)),
        labelVersion,
        eventWatermark,
        seed,
        codeVersion,
        workspaces: [...workspaces],
        caps: { ...manifest.filters.caps },
      };
    },
    async examples(id, { view, split, from, limit }) {
      const rows = rowsOfView(view, split, await partsOf(rowOf(id)));
      const all: readonly { readonly row: Row; readonly chosen: Row | null }[] =
        view === "dpo"
          ? pairRows(rows).map(({ good, bad }) => ({ row: bad, chosen: good }))
          : rows.map((row) => ({ row, chosen: null }));
      const examples = all.slice(from, from + limit).map(({ row, chosen }) => exampleOf(store, row, chosen));
      return { examples, from, total: all.length };
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      held = null;
    },
  };
}

const countViews = (parts: DatasetParts): DatasetContents["views"] => ({
  sft: viewCounts("sft", parts),
  kto: viewCounts("kto", parts),
  dpo: viewCounts("dpo", parts),
});

export const hasRows = (datasetsDir: string, sha256: string): boolean =>
  existsSync(path.join(datasetsDir, sha256, "rows.jsonl"));

export const gone = (id: string): AppError =>
  new AppError("dataset-gone", `The rows of dataset ${id} are gone.`, {
    hint: "Something in them was forgotten, or their time was over. Build a new one.",
  });

function exampleOf(store: Store, row: Row, chosen: Row | null): DatasetExample {
  const { id, suggestionId, path: file, language, completion, good } = row;
  return {
    id,
    suggestionId,
    path: file,
    language,
    completion,
    good,
    from: suggestionId === null ? "history" : id === `${suggestionId}:typed` ? "typed-instead" : "suggestion",
    writtenAt: isoTime(Math.min(Math.max(row.writtenAt, 0), LAST_TIME_MS)),
    before: row.prefix.slice(-CONTEXT_CHARS),
    after: row.suffix.slice(0, CONTEXT_CHARS),
    examples: row.examples.length,
    chosen: chosen?.completion ?? null,
    weight: chosen === null ? row.weight : Math.min(row.weight, chosen.weight),
    loss: row.loss ?? null,
    label: suggestionId === null ? null : store.labels.get(suggestionId),
    rating: suggestionId === null ? null : (store.suggestions.get(suggestionId)?.rating ?? null),
  };
}

/** End of the year 9999: later times are a broken clock. */
const LAST_TIME_MS = 253_402_300_799_999;
