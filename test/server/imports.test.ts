import assert from "node:assert/strict";
import { importPage, importRow, type ImportRow } from "../../protocol/imports.ts";
import { overview } from "../../protocol/overview.ts";
import { exportArchive } from "../../server/archive/export-archive.ts";
import { importArchive } from "../../server/archive/import-archive.ts";
import { DEFAULT_MAX_BYTES } from "../../server/archive/layout.ts";
import { readFeedback } from "../../server/datasets/feedback-rows.ts";
import { dataPlaces } from "../../server/places.ts";
import { readStore } from "../../server/store/store.ts";
import { ownFeedback } from "./own-feedback.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, until } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const ROOT = "/projects/demo";

/** Reports code as an import of notes does, and looks again at all of it, so that its labels are good. */
async function importNotes(server: RunningApp, n: number): Promise<{ id: string; suggestionIds: string[] }> {
  const id = uuidv7();
  const generations = Array.from({ length: n }, (_, i) => ({
    id: `note-${i}`,
    tool: "claude",
    root: ROOT,
    path: `src/imported-${i}.ts`,
    line: 1,
    text: `export const imported${i} = compute(${i});\n`,
  }));
  const { status, body } = await server.call("POST", "/v1/generations", {
    generations,
    import: { id, kind: "git-ai", name: "demo" },
  });
  assert.equal(status, 200, JSON.stringify(body));
  const suggestionIds = (body.results as { suggestionIds: string[] }[]).flatMap((one) => one.suggestionIds);
  const session = sampleSession(Date.now());
  const events = suggestionIds.map((one) => session.of("retained", one));
  assert.equal((await server.call("POST", "/v1/events", { events })).status, 200);
  return { id, suggestionIds };
}

/** Rows that a dataset would be built from now. */
function rowsOf(server: RunningApp) {
  using store = readStore(server.app.places.database);
  return readFeedback(store).rows.filter(({ path: file }) => file.startsWith("src/imported-"));
}

const examplesOf = async (server: RunningApp): Promise<string[]> =>
  ((await server.call("GET", "/v1/examples?limit=500")).body.examples as { path: string }[])
    .map((one) => one.path)
    .filter((file) => file.startsWith("src/imported-"));

const rowOf = async (server: RunningApp, id: string): Promise<ImportRow> =>
  importPage.parse((await server.call("GET", "/v1/imports")).body).imports.find((one) => one.id === id)!;

describe("imports", function () {
  this.timeout(60_000);

  it("are held: listed with their labels, and in no dataset, no example, no rate", async () => {
    await using server = await runningApp();
    const { id, suggestionIds } = await importNotes(server, 3);
    const row = await rowOf(server, id);
    assert.deepEqual(
      { ...row, importedAt: "" },
      {
        id,
        kind: "git-ai",
        name: "demo",
        importedAt: "",
        state: "held",
        mine: false,
        decidedAt: null,
        suggestions: 3,
        labels: { good: 3, bad: 0, unknown: 0 },
        events: 0,
      },
    );
    assert.deepEqual(rowsOf(server), []);
    assert.deepEqual(await examplesOf(server), []);
    const listed = (await server.call("GET", `/v1/imports/${id}/suggestions`)).body.suggestions as { id: string }[];
    assert.deepEqual(listed.map((one) => one.id).toSorted(), suggestionIds.toSorted());
    assert.deepEqual((await server.call("GET", "/v1/annotations/queue")).body.tasks, []);
  });

  it("that are accepted are learnt from under one identity; refused they are not, whatever was decided before", async () => {
    await using server = await runningApp();
    const { id } = await importNotes(server, 3);
    const decide = async (move: string, body: object = {}) =>
      importRow.parse((await server.call("POST", `/v1/imports/${id}/${move}`, body)).body);
    const accepted = await decide("accept");
    assert.deepEqual([accepted.state, accepted.mine], ["accepted", false]);
    assert.deepEqual(
      rowsOf(server).map(({ person }) => person),
      [`import:${id}`, `import:${id}`, `import:${id}`],
    );
    await until(async () => ((await examplesOf(server)).length === 3 ? true : null), 10_000);

    assert.equal((await decide("refuse")).state, "refused");
    assert.deepEqual(rowsOf(server), []);
    await until(async () => ((await examplesOf(server)).length === 0 ? true : null), 10_000);

    assert.deepEqual((await decide("accept", { mine: true })).mine, true);
    assert.deepEqual(
      rowsOf(server).map(({ person }) => person),
      ["tool:claude", "tool:claude", "tool:claude"],
    );
  });

  it("that are accepted have at most the share of one person, however much came", async () => {
    await using server = await runningApp();
    assert.equal((await server.call("POST", "/v1/events", { events: ownFeedback(60) })).status, 200);
    const { id } = await importNotes(server, 60);
    await server.call("POST", `/v1/imports/${id}/accept`, {});
    const dataset = (await server.call("POST", "/v1/datasets", {})).body;
    const contents = (await server.call("GET", `/v1/datasets/${dataset.id}/contents`)).body;
    assert.ok(contents.dropped["person-cap"] > 0, JSON.stringify(contents.dropped));
    let imported = 0;
    let all = 0;
    for (const split of ["train", "validation", "test"]) {
      const page = (await server.call("GET", `/v1/datasets/${dataset.id}/rows?split=${split}&limit=500`)).body;
      all += page.total;
      imported += (page.examples as { path: string }[]).filter((one) => one.path.startsWith("src/imported-")).length;
    }
    assert.ok(imported > 0 && imported / all <= 0.25 + 1 / all, `${imported} of ${all}`);
  });

  it("come once: what is reported again stays with its import, and a report of a tool itself waits for nobody", async () => {
    await using server = await runningApp();
    const first = await importNotes(server, 2);
    await importNotes(server, 2);
    const { imports } = importPage.parse((await server.call("GET", "/v1/imports")).body);
    assert.deepEqual(
      imports.map((one) => [one.id, one.suggestions]),
      [[first.id, 2]],
    );
    const own = { tool: "claude", root: ROOT, path: "src/own.ts", line: 1, text: "const own = 1;\n" };
    const { body } = await server.call("POST", "/v1/generations", { generations: [own] });
    const session = sampleSession(Date.now());
    await server.call("POST", "/v1/events", { events: [session.of("retained", body.results[0].suggestionIds[0])] });
    using store = readStore(server.app.places.database);
    await until(async () => (readFeedback(store).rows.length === 1 ? true : null), 10_000);
  });

  it("go with what is forgotten, names too", async () => {
    await using server = await runningApp();
    const { id, suggestionIds } = await importNotes(server, 2);
    const forget = (scope: object) =>
      server.call("POST", "/v1/forget", { id: uuidv7(), requestedAtMs: Date.now(), scope });
    await forget({ kind: "suggestions", ids: [suggestionIds[0]] });
    assert.equal((await rowOf(server, id)).suggestions, 1);
    await forget({ kind: "everything" });
    assert.deepEqual((await server.call("GET", "/v1/imports")).body.imports, []);
  });

  it("of an archive hold what is new, and events of what is here", async () => {
    await using folder = await tempFolder();
    const session = sampleSession(Date.now() - 60_000);
    const [shared, foreign] = [uuidv7(), uuidv7()];
    const other = await archiveOf(path.join(folder.dir, "other"), [
      shownWith(session, shared, { completion: "shared();" }),
      session.of("accepted", shared),
      session.of("rated", shared, { verdict: "down" }),
      shownWith(session, foreign, { completion: "foreign();", path: "src/imported-1.ts" }),
      session.of("accepted", foreign),
      session.of("retained", foreign),
    ]);
    // The same suggestion was here before, without the rating.
    const data = path.join(folder.dir, "data");
    {
      await using server = await runningApp({ dataDir: data });
      const { status } = await server.call("POST", "/v1/events", { events: other.events.slice(0, 2) });
      assert.equal(status, 200);
    }
    const { held } = await importArchive({
      dataDir: data,
      file: other.file,
      maxBytes: DEFAULT_MAX_BYTES,
      signal: AbortSignal.timeout(30_000),
      onProgress: () => {},
    });
    assert.deepEqual([held?.suggestions, held?.events], [1, 1]);
    await using server = await runningApp({ dataDir: data });
    const ratingOf = async () =>
      ((await server.call("GET", "/v1/suggestions")).body.suggestions as { id: string; rating: string | null }[]).find(
        (one) => one.id === shared,
      )!.rating;
    assert.equal(await ratingOf(), null);
    assert.deepEqual(rowsOf(server), []);
    const counted = overview.parse((await server.call("GET", "/v1/overview")).body);
    assert.equal(counted.opportunities.editor, 1);

    const kept = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(["--data-dir", data, "import", ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.match(await kept("list"), /archive\s+other\.tar\.gz\s+\S+\s+1\s+1\s+0\s+held/);
    assert.match(await kept("accept", held!.import, "--mine"), /accepted as own/);
    await until(async () => ((await ratingOf()) === "down" ? true : null), 10_000);
    assert.equal(rowsOf(server).length, 1);
    assert.equal(overview.parse((await server.call("GET", "/v1/overview")).body).opportunities.editor, 2);
    assert.equal(importRow.parse(JSON.parse(await kept("refuse", held!.import, "--json"))).state, "refused");
    await until(async () => ((await ratingOf()) === null ? true : null), 10_000);
  });
});

/** An archive of a folder that has just these events. */
async function archiveOf(dataDir: string, events: readonly object[]) {
  {
    await using server = await runningApp({ dataDir });
    assert.equal((await server.call("POST", "/v1/events", { events })).status, 200);
    await server.call("GET", "/v1/suggestions");
  }
  const file = `${dataDir}.tar.gz`;
  await exportArchive({
    places: dataPlaces(dataDir),
    out: file,
    now: new Date(),
    signal: AbortSignal.timeout(30_000),
    onProgress: () => {},
  });
  return { file, events };
}
