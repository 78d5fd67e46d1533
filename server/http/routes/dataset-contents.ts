import {
  datasetContents,
  datasetExamples,
  datasetSplit,
  datasetView,
  exportFormat,
} from "../../../protocol/datasets.ts";
import { tarEnd, tarHeader, tarPadding } from "../../archive/tar.ts";
import type { DatasetExport } from "../../datasets/export-in-worker.ts";
import { parseWith } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";
import { createReadStream } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { z } from "zod";

/** Longest that writing an export may take, milliseconds. */
const EXPORT_MS = 300_000;

const page = z.object({
  view: datasetView.default("sft"),
  split: datasetSplit.default("train"),
  from: z.coerce.number().int().min(0).default(0),
  limit: limitParameter,
});
const wantedExport = z.object({ format: exportFormat.default("sft") });

export const datasetContentsRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/datasets/:id/contents",
    about: "What is in a dataset, by view and split, and what was left out for which reason.",
    answers: datasetContents,
    handle: async (c, { datasets }) => c.json(await datasets.contents(c.req.param("id") ?? "")),
  },
  {
    method: "GET",
    path: "/v1/datasets/:id/rows",
    about: "Examples of one view and split of a dataset, with their labels as they are now.",
    query: page,
    answers: datasetExamples,
    readsDerived: true,
    handle: async (c, { datasets }) =>
      c.json(await datasets.examples(c.req.param("id") ?? "", parseWith(page, c.req.query()))),
  },
  {
    method: "GET",
    path: "/v1/datasets/:id/export",
    about: "A dataset for other tools: a tar of rows, card and manifest, in the format named.",
    query: wantedExport,
    answers: "application/x-tar",
    async handle(c, { exportDataset, exports, clock }) {
      const { format } = parseWith(wantedExport, c.req.query());
      const id = c.req.param("id") ?? "";
      // A process each. Whoever goes away ends it.
      using _permit = await exports.acquire();
      const limit = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(EXPORT_MS)]);
      const written = await exportDataset(id, format, limit);
      const name = `kept-dataset-${id}-${format}`;
      const bytes = written.files.reduce((sum, file) => sum + 512 + file.bytes + tarPadding(file.bytes).length, 0);
      const body = Readable.from(tarOf(written, name, clock.wallMs()));
      // Read to its end, or given up: the files go.
      body.once("close", () => void written[Symbol.asyncDispose]());
      return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, {
        headers: {
          "Content-Type": "application/x-tar",
          "Content-Length": String(bytes + tarEnd().length),
          "Content-Disposition": `attachment; filename="${name}.tar"`,
        },
      });
    },
  },
];

async function* tarOf(written: DatasetExport, folder: string, modifiedAt: number): AsyncGenerator<Uint8Array> {
  for (const { name, bytes } of written.files) {
    yield tarHeader(`${folder}/${name}`, bytes, modifiedAt);
    yield* createReadStream(path.join(written.dir, name)) as AsyncIterable<Uint8Array>;
    yield tarPadding(bytes);
  }
  yield tarEnd();
}
