import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { hashOf } from "../../server/content-hash.ts";
import { prepareDataDir } from "../../server/data-dir.ts";
import { canonicalJson } from "../../server/store/event-store.ts";
import { schemaVersion } from "../../server/store/database.ts";
import { MIGRATIONS } from "../../server/store/migrations.ts";
import { openStore } from "../../server/store/store.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { tryServer } from "./server/faulty-server.ts";
import { someEvents } from "./server/patient-clients.ts";
import { isFullRun } from "./seed.ts";
import { sideBySide } from "./side-by-side.ts";
import Database from "better-sqlite3";

const FAILPOINT = path.join(import.meta.dirname, "server", "failpoint.ts");

/** A store as the version with so many migrations left it. */
function oldStore(file: string, schema: number): void {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  for (const migration of MIGRATIONS.slice(0, schema)) db.exec(migration);
  db.pragma(`user_version = ${schema}`);
  const insert = db.prepare(`
    INSERT INTO events (id, suggestion_id, session_id, kind, body, body_sha256, received_at)
    VALUES (@id, @suggestionId, @sessionId, @kind, @body, @hash, 1)`);
  for (const event of someEvents(30)) {
    const body = canonicalJson(event);
    insert.run({ ...event, body, hash: hashOf(Buffer.from(body)) });
  }
  if (schema >= 2) db.exec("UPDATE event_counts SET accepted = (SELECT count(*) FROM events)");
  db.close();
}

/** What no migration may change: everything is derived from it. */
const contentOf = (file: string): unknown[] => {
  const db = new Database(file, { readonly: true });
  const rows = db.prepare("SELECT id, sequence, body, body_sha256, received_at FROM events ORDER BY sequence").all();
  db.close();
  return rows;
};

describe("F19 a migration that is killed", function () {
  this.timeout(isFullRun ? 900_000 : 120_000);

  for (let schema = 1; schema < MIGRATIONS.length; schema += 1) {
    it(`from schema ${schema}, before a statement: the next start finishes it with the same events`, async () => {
      let [nKilled, isPast] = [0, false];
      function* statements() {
        for (let n = 1; !isPast; n += isFullRun ? 1 : 5) yield n;
      }
      await sideBySide(statements(), async (n) => {
        await using folder = await tempFolder();
        const places = prepareDataDir(path.join(folder.dir, "data"));
        oldStore(places.database, schema);
        const content = contentOf(places.database);
        const end = await tryServer(places.dataDir, {
          imports: [FAILPOINT],
          env: { KEPT_FAILPOINT: `statement:${n}` },
        });
        if ("child" in end) {
          isPast = true;
          await end.stop("SIGTERM");
        } else {
          nKilled += 1;
          assert.equal(end.ended, "SIGKILL", end.complaint);
          // The migration is one transaction after another: whole ones are there, the killed one is not.
          const db = new Database(places.database, { readonly: true });
          assert.ok(schemaVersion(db) >= schema && schemaVersion(db) < MIGRATIONS.length);
          db.close();
        }
        await checkAfterwards(places.dataDir);
        {
          using store = openStore(places.database);
          assert.equal(schemaVersion(store.db), MIGRATIONS.length);
        }
        assert.deepEqual(contentOf(places.database), content);
        assert.deepEqual(contentOf(`${places.database}.schema-${schema}`), content);
        assert.ok(existsSync(`${places.database}.schema-${schema}`));
      });
      assert.ok(nKilled > 0, "nothing was killed");
    });
  }
});
