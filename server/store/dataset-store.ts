import type { DatasetRow } from "../../protocol/api.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

export interface DatasetRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly sha256: string;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly sources: Readonly<Record<string, number>>;
  readonly manifest: unknown;
}

export interface DatasetStore {
  /** Adds a snapshot; the same content again is no change. */
  put(record: DatasetRecord): void;
  get(id: string): DatasetRow | null;
  bySha256(sha256: string): DatasetRow | null;
  list(limit: number): DatasetRow[];
}

export function openDatasetStore(db: Db): DatasetStore {
  const put = db.prepare(`
    INSERT INTO datasets (id, created_at, sha256, n_train, n_validation, n_test, sources, manifest)
    VALUES (@id, @createdAt, @sha256, @train, @validation, @test, @sources, @manifest)
    ON CONFLICT (id) DO NOTHING`);
  const select = `
    SELECT d.*, EXISTS (SELECT 1 FROM invalid_datasets i WHERE i.dataset_id = d.id) AS forgotten FROM datasets d`;
  const one = db.prepare(`${select} WHERE id = ?`);
  const bySha256 = db.prepare(`${select} WHERE sha256 = ?`);
  const list = db.prepare(`${select} ORDER BY created_at DESC, id LIMIT ?`);

  return {
    put({ id, createdAt, sha256, rows, sources, manifest }) {
      put.run({
        id,
        createdAt,
        sha256,
        ...rows,
        sources: JSON.stringify(sources),
        manifest: JSON.stringify(manifest),
      });
    },
    get(id) {
      const row = one.get(id) as StoredDataset | undefined;
      return row ? toWire(row) : null;
    },
    bySha256(sha256) {
      const row = bySha256.get(sha256) as StoredDataset | undefined;
      return row ? toWire(row) : null;
    },
    list: (limit) => (list.all(limit) as StoredDataset[]).map(toWire),
  };
}

interface StoredDataset {
  id: string;
  created_at: number;
  sha256: string;
  n_train: number;
  n_validation: number;
  n_test: number;
  sources: string;
  forgotten: number;
  expired_at: number | null;
}

const toWire = (row: StoredDataset): DatasetRow => ({
  id: row.id,
  createdAt: isoTime(row.created_at),
  sha256: row.sha256,
  rows: { train: row.n_train, validation: row.n_validation, test: row.n_test },
  sources: JSON.parse(row.sources) as Record<string, number>,
  ...(row.forgotten === 1 ? { forgotten: true } : {}),
  ...(row.expired_at === null ? {} : { expired: true }),
});
