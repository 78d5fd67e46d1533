import type { ExampleRow } from "../../protocol/api.ts";
import type { Db } from "./database.ts";

export interface ExampleRecord {
  readonly suggestionId: string;
  readonly root: string;
  readonly path: string;
  readonly language: string;
  readonly text: string;
}

/** In-context examples. The revision rises by one with every change. */
export interface ExampleStore {
  /** True when this changed what the store holds. */
  put(example: ExampleRecord): boolean;
  remove(suggestionId: string): boolean;
  revision(): number;
  /** Newest first; all folders when `root` is null. */
  list(root: string | null, limit: number): ExampleRow[];
}

export function openExampleStore(db: Db): ExampleStore {
  const one = db.prepare("SELECT text FROM examples WHERE suggestion_id = ?").pluck();
  const put = db.prepare(`
    INSERT INTO examples (suggestion_id, root, path, language, text, revision)
    VALUES (@suggestionId, @root, @path, @language, @text, @revision)
    ON CONFLICT (suggestion_id) DO UPDATE SET text = excluded.text, revision = excluded.revision`);
  const remove = db.prepare("DELETE FROM examples WHERE suggestion_id = ?");
  const raise = db.prepare("UPDATE examples_revision SET revision = revision + 1 RETURNING revision").pluck();
  const revision = db.prepare("SELECT revision FROM examples_revision").pluck();
  const list = db.prepare(`
    SELECT * FROM examples WHERE @root IS NULL OR root = @root ORDER BY revision DESC LIMIT @limit`);

  return {
    put(example) {
      if (one.get(example.suggestionId) === example.text) return false;
      put.run({ ...example, revision: raise.get() as number });
      return true;
    },
    remove(suggestionId) {
      if (remove.run(suggestionId).changes === 0) return false;
      raise.get();
      return true;
    },
    revision: () => revision.get() as number,
    list: (root, limit) => (list.all({ root, limit }) as StoredExample[]).map(toWire),
  };
}

interface StoredExample {
  suggestion_id: string;
  root: string;
  path: string;
  language: string;
  text: string;
}

const toWire = (row: StoredExample): ExampleRow => ({
  id: `s-${row.suggestion_id}`,
  root: row.root,
  path: row.path,
  language: row.language,
  text: row.text,
  suggestionId: row.suggestion_id,
});
