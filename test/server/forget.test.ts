import type { ForgetOperation, ForgetScope } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { dataPlaces } from "../../server/places.ts";
import { filesWith } from "../support/canary-search.ts";
import { putSamples, samplesOf } from "./put-samples.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { until } from "./server-process.ts";
import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Texts that nothing else has. Each is long enough to be looked for where it was copied. */
const canaries = () => {
  const tag = uuidv7().slice(-12);
  return {
    completion: `canaryCompletion_${tag}()`,
    typed: `canaryTyped_${tag}()`,
    comment: `canaryComment_${tag}`,
    path: `src/canaryPath_${tag}.ts`,
    prefix: `const canaryPrefix_${tag} = 1;\n`,
  };
};

/** One suggestion with a canary in every text, taken and rated, and one whose code was typed instead. */
function story(names: ReturnType<typeof canaries>, root = "/projects/demo"): { ids: string[]; events: KeptEvent[] } {
  const session = sampleSession(Date.now() - 60_000);
  const [kept, replaced] = [uuidv7(), uuidv7()];
  const { completion, prefix } = names;
  const at = { root, path: names.path, prefix, completion };
  return {
    ids: [kept, replaced],
    events: [
      shownWith(session, kept, at),
      session.of("accepted", kept),
      session.of("rated", kept, { verdict: "up", comment: names.comment }),
      shownWith(session, replaced, { ...at, completion: `${completion} + 1` }),
      session.of("rejected", replaced),
      session.of("typed-instead", replaced, { text: names.typed }),
    ],
  };
}

const send = async (server: RunningApp, events: readonly KeptEvent[]) => {
  const { status, body } = await server.call("POST", "/v1/events", { events });
  assert.equal(status, 200);
  return body.results as { status: string; reason?: string }[];
};

const forget = async (server: RunningApp, scope: ForgetScope): Promise<ForgetOperation> => {
  const request = { id: uuidv7(), requestedAtMs: Date.now(), scope };
  const { status, body } = await server.call("POST", "/v1/forget", request);
  assert.equal(status, 200, JSON.stringify(body));
  return body as ForgetOperation;
};

const dataDir = (server: RunningApp) => server.app.places.dataDir;
/** Everything that the server has written: its data, and its log. */
const found = (server: RunningApp, names: Record<string, string>) =>
  filesWith(
    server.dir,
    Object.values(names).map((text) => text.trim()),
  );

describe("forget", function () {
  this.timeout(60_000);

  it("waits for whoever reads the store, holds nobody else up, and then leaves no byte", async () => {
    await using server = await runningApp();
    const names = canaries();
    const { events } = story(names);
    await send(server, events);
    const reader = new Database(server.app.places.database, { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM events").get();
    let isForgotten = false;
    const forgetting = forget(server, { kind: "everything" }).then(() => (isForgotten = true));
    // The request has come to the end of its work when the events are gone; now it waits for the log alone.
    await until(async () => ((await server.call("GET", "/v1/events")).body.count === 0 ? true : null), 20_000);
    await send(server, story(canaries()).events);
    assert.equal(isForgotten, false);
    reader.close();
    await forgetting;
    assert.deepEqual(found(server, names), []);
  });

  const scopes: readonly [name: string, scope: (ids: string[], file: string) => ForgetScope][] = [
    ["suggestions", (ids) => ({ kind: "suggestions", ids })],
    ["a file", (_, file) => ({ kind: "files", files: [{ root: "/projects/demo", path: file }] })],
    ["a folder", () => ({ kind: "folders", roots: ["/projects/demo"] })],
    ["the last hour", () => ({ kind: "time", fromMs: Date.now() - 3_600_000, toMs: Date.now() })],
    ["everything", () => ({ kind: "everything" })],
  ];
  for (const [name, scope] of scopes) {
    it(`of ${name} leaves no byte: rows, log, dataset and server log`, async () => {
      await using server = await runningApp();
      const names = canaries();
      const { ids, events } = story(names);
      await send(server, events);
      const dataset = await server.call("POST", "/v1/datasets", {});
      assert.equal(dataset.status, 201);
      const runId = putSamples(server, names, dataset.body.id);
      assert.ok(found(server, names).length >= 5, "they are there before");
      assert.equal((await samplesOf(server, runId)).length, 1);
      const done = await forget(server, scope(ids, names.path));
      assert.deepEqual(
        { ...done, requestedAt: "", finishedAt: "", id: "" },
        {
          id: "",
          kind: scope(ids, names.path).kind,
          state: "done",
          requestedAt: "",
          finishedAt: "",
          suggestions: 2,
          events: 6,
          scrubbed: 0,
          datasets: [dataset.body.id],
          taintedVersions: [],
        },
      );
      assert.deepEqual(found(server, names), []);
      assert.deepEqual((await server.call("GET", "/v1/suggestions")).body.suggestions, []);
      assert.deepEqual((await server.call("GET", "/v1/examples")).body.examples, []);
      assert.equal((await server.call("GET", `/v1/datasets/${dataset.body.id}`)).body.forgotten, true);
      assert.deepEqual(await samplesOf(server, runId), []);
    });

    it(`of ${name} takes what a model wrote of it in a test on another dataset`, async () => {
      await using server = await runningApp();
      const names = canaries();
      const { ids, events } = story(names);
      await send(server, events);
      const runId = putSamples(server, names, null);
      await forget(server, scope(ids, names.path));
      assert.deepEqual(await samplesOf(server, runId), []);
      assert.deepEqual(found(server, names), []);
    });

    it(`of ${name} refuses what comes again: the same events, and late ones`, async () => {
      await using server = await runningApp();
      const names = canaries();
      const { ids, events } = story(names);
      const late = sampleSession(Date.now() - 30_000).of("typed-instead", ids[0]!, { text: names.typed });
      await send(server, events);
      await forget(server, scope(ids, names.path));
      for (const { status, reason } of await send(server, [...events, late]))
        assert.deepEqual([status, reason], ["rejected", "forgotten"]);
      assert.deepEqual(found(server, names), []);
    });
  }

  it("takes what was compared on a git history away with a file, a folder or everything", async () => {
    const wanted: Record<ForgetScope["kind"], boolean> = {
      suggestions: true,
      time: true,
      files: false,
      folders: false,
      everything: false,
    };
    for (const [name, scope] of scopes) {
      await using server = await runningApp();
      const { comparisons } = dataPlaces(dataDir(server));
      mkdirSync(path.join(comparisons, "one"), { recursive: true });
      writeFileSync(path.join(comparisons, "one", "cases.jsonl"), "{}\n");
      const asked = scope([uuidv7()], "a.ts");
      await forget(server, asked);
      assert.equal(existsSync(comparisons), wanted[asked.kind], name);
    }
  });

  it("leaves what others recorded", async () => {
    await using server = await runningApp();
    const [gone, stays] = [canaries(), canaries()];
    await send(server, [...story(gone).events, ...story(stays).events]);
    await forget(server, { kind: "files", files: [{ root: "/projects/demo", path: gone.path }] });
    assert.deepEqual(found(server, gone), []);
    const left = (await server.call("GET", "/v1/suggestions")).body.suggestions as { path: string }[];
    assert.deepEqual(
      left.map((one) => one.path),
      [stays.path, stays.path],
    );
    assert.equal((await server.call("GET", "/v1/events")).body.count, 6);
  });

  it("takes copies out of later suggestions: code above the cursor, and excerpts of the file", async () => {
    await using server = await runningApp();
    const names = canaries();
    const { ids, events } = story(names);
    const session = sampleSession();
    const [below, elsewhere, other] = [uuidv7(), uuidv7(), canaries()];
    const excerpts = [
      { id: "open-file-1", path: names.path, text: `before\n${names.completion}\nafter` },
      { id: `s-${ids[0]}`, path: names.path, text: names.completion, suggestionId: ids[0]! },
    ];
    const plain = shownWith(session, elsewhere, { ...other, prefix: other.prefix });
    await send(server, [
      ...events,
      shownWith(session, below, { path: names.path, prefix: `x\n${names.completion}\ny`, completion: "return;" }),
      session.of("accepted", below),
      { ...plain, context: { ...plain.context, examples: excerpts } },
    ]);
    const done = await forget(server, { kind: "suggestions", ids });
    assert.equal(done.scrubbed, 2);
    assert.deepEqual(filesWith(dataDir(server), [names.completion, names.typed, names.comment]), []);
    const why = await server.call("GET", `/v1/suggestions/${elsewhere}/why`);
    assert.deepEqual(
      why.body.examples.map(({ text }: { text: string }) => text),
      ["before\n\nafter"],
    );
    assert.equal((await server.call("GET", `/v1/suggestions/${below}/why`)).body.context.prefix, "x\n\ny");
  });

  it("keeps a forgotten file out of excerpts that arrive late", async () => {
    await using server = await runningApp();
    const names = canaries();
    const { events } = story(names);
    const session = sampleSession();
    const id = uuidv7();
    const other = shownWith(session, id, { path: "src/other.ts" });
    await send(server, events);
    await forget(server, { kind: "files", files: [{ root: "/projects/demo", path: names.path }] });
    const [status] = await send(server, [
      {
        ...other,
        context: { ...other.context, examples: [{ id: "open-file-1", path: names.path, text: names.completion }] },
      },
    ]);
    assert.equal(status?.status, "accepted");
    assert.deepEqual(found(server, names), []);
  });

  it("takes new suggestions of a forgotten file, made after the request", async () => {
    await using server = await runningApp();
    const names = canaries();
    await send(server, story(names).events);
    await forget(server, { kind: "files", files: [{ root: "/projects/demo", path: names.path }] });
    const later = Date.now() + 5_000;
    const session = sampleSession(later);
    const shown = shownWith(session, uuidv7({ msecs: later }), { path: names.path });
    const [status] = await send(server, [{ ...shown, id: uuidv7({ msecs: later }) }]);
    assert.equal(status?.status, "accepted");
  });

  it("answers the same request with what it did, and lists it without any name", async () => {
    await using server = await runningApp();
    const names = canaries();
    await send(server, story(names).events);
    const request = {
      id: uuidv7(),
      requestedAtMs: Date.now(),
      scope: { kind: "files", files: [{ root: "/projects/demo", path: names.path }] },
    };
    const [first, again] = [
      await server.call("POST", "/v1/forget", request),
      await server.call("POST", "/v1/forget", request),
    ];
    assert.deepEqual(again.body, first.body);
    const page = (await server.call("GET", "/v1/forget")).body;
    assert.deepEqual(page.operations, [first.body]);
    assert.deepEqual(page.taintedVersions, []);
  });

  it("finishes at the next start what a killed server began", async () => {
    const names = canaries();
    const { ids, events } = story(names);
    await using first = await runningApp();
    await send(first, events);
    assert.equal((await first.call("POST", "/v1/datasets", {})).status, 201);
    await first.app[Symbol.asyncDispose]();
    // What a kill right after the request was taken leaves: a row, and all the data.
    const { openStore } = await import("../../server/store/store.ts");
    {
      using store = openStore(dataPlaces(dataDir(first)).database);
      store.forget.begin({ id: uuidv7(), requestedAtMs: Date.now(), scope: { kind: "suggestions", ids } });
    }
    assert.notDeepEqual(filesWith(dataDir(first), [names.completion]), []);
    await using second = await runningApp({ dataDir: dataDir(first) });
    const list = async () => (await second.call("GET", "/v1/forget")).body.operations as ForgetOperation[];
    while ((await list())[0]?.state !== "done") await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await list())[0]?.events, 6);
    assert.deepEqual(filesWith(dataDir(first), Object.values(names)), []);
  });

  it("marks the versions that were trained on it, and says what they serve as", async () => {
    await using server = await runningApp();
    const names = canaries();
    const { ids, events } = story(names);
    await send(server, events);
    const dataset = (await server.call("POST", "/v1/datasets", {})).body.id as string;
    const { openStore } = await import("../../server/store/store.ts");
    {
      using store = openStore(dataPlaces(dataDir(server)).database);
      const run = uuidv7();
      const request = { strategy: "lora" as const, backend: "onnx" as const, workspaces: [], overrides: {} };
      store.runs.create({ id: run, request, createdAt: 1 });
      store.runs.finish(run, "succeeded", 2, null);
      for (const id of ["tainted", "champion"]) {
        const datasetId = dataset;
        const version = { id, createdAt: 1, base: "b", runId: run, datasetId, championBefore: null, files: [] };
        store.versions.put({ ...version, manifest: {} });
      }
      store.versions.moveAlias({ alias: "champion", expected: null, to: "champion", reason: "" }, 1);
    }
    const done = await forget(server, { kind: "suggestions", ids });
    assert.deepEqual(done.taintedVersions, ["champion", "tainted"]);
    const page = (await server.call("GET", "/v1/forget")).body;
    assert.deepEqual(
      page.taintedVersions.map((row: { version: string; aliases: string[] }) => [row.version, row.aliases]),
      [
        ["champion", ["champion"]],
        ["tainted", []],
      ],
    );
    assert.equal((await server.call("GET", "/v1/models/tainted")).body.tainted, true);
  });

  it("takes events without text, labels them, and makes no row of them", async () => {
    await using server = await runningApp();
    const session = sampleSession();
    const id = uuidv7();
    const shown = shownWith(session, id, { completion: "", root: "hidden-a", path: "hidden-b", prefix: "" });
    const withheld = {
      tokens: 6,
      characters: 20,
      lines: 1,
      prefixCharacters: 90,
      suffixCharacters: 3,
      examples: 0,
    };
    await send(server, [
      { ...shown, withheld },
      session.of("accepted", id),
      session.of("rated", id, { verdict: "up" }),
    ]);
    const bad = uuidv7();
    await send(server, [
      { ...shownWith(session, bad, { completion: "", root: "hidden-a", path: "hidden-c", prefix: "" }), withheld },
      session.of("rated", bad, { verdict: "down" }),
      session.of("typed-instead", bad, { text: "", withheldCharacters: 12 }),
    ]);
    const { suggestions } = (await server.call("GET", "/v1/suggestions")).body;
    assert.deepEqual(
      suggestions.map((one: { label: { verdict: string } }) => one.label.verdict),
      ["bad", "good"],
    );
    const { rows } = (await server.call("POST", "/v1/datasets", {})).body;
    assert.deepEqual(rows, { train: 0, validation: 0, test: 0 });
    assert.deepEqual((await server.call("GET", "/v1/examples")).body.examples, []);
    const { datasets } = (await server.call("GET", "/v1/datasets")).body;
    assert.deepEqual(filesWith(path.join(dataDir(server), "datasets"), [id, bad]), [], JSON.stringify(datasets));
  });

  it("of a large folder goes on beside the ingest of others, and leaves theirs whole", async () => {
    await using server = await runningApp();
    const names = canaries();
    const many = () => Array.from({ length: 60 }, () => story(names, "/projects/gone").events).flat();
    for (let batch = 0; batch < 6; batch += 1) await send(server, many());
    const stays = canaries();
    const sending = (async () => {
      for (let batch = 0; batch < 10; batch += 1) await send(server, story(stays, "/projects/stays").events);
    })();
    const done = await forget(server, { kind: "folders", roots: ["/projects/gone"] });
    await sending;
    assert.deepEqual([done.suggestions, done.events], [720, 2_160]);
    assert.equal((await server.call("GET", "/v1/events")).body.count, 60);
    assert.deepEqual(found(server, names), []);
    assert.deepEqual(filesWith(dataDir(server), ["/projects/gone"]), []);
  });

  it("refuses a scope that is none", async () => {
    await using server = await runningApp();
    for (const scope of [{ kind: "nothing" }, { kind: "suggestions", ids: [] }, { kind: "files", files: [] }, null]) {
      const { status } = await server.call("POST", "/v1/forget", { id: uuidv7(), requestedAtMs: 1, scope });
      assert.equal(status, 422);
    }
  });
});
