import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openConnectionLog, readConnections } from "../../server/egress/connection-log.ts";
import { openEgress } from "../../server/egress/egress.ts";
import { createS3Client, S3_LIMITS, type S3Client, type S3Limits } from "../../server/integrations/s3/s3-client.ts";
import { listRemote, PART_BYTES, pullFolder, pushFolder } from "../../server/integrations/s3/s3-remote.ts";
import { s3Settings } from "../../server/integrations/s3/s3-settings.ts";
import { tempFolder } from "../server/temp-folder.ts";

export interface S3Place {
  readonly url: string;
  readonly bucket: string;
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
}

/** A client as `kept remote` makes it. */
export function s3Client(
  place: S3Place,
  log: string,
  change: { limits?: S3Limits; prefix?: string; signal?: AbortSignal } = {},
): S3Client {
  const settings = s3Settings({ bucket: place.bucket, endpoint: place.url, prefix: change.prefix }, place.env);
  const permit = { purpose: "s3", origin: settings.bucketUrl.origin, mayBePrivate: true, redirects: "none" } as const;
  const egress = openEgress({ permits: () => [permit], log: openConnectionLog(log) });
  return createS3Client(settings, egress, change.signal ?? new AbortController().signal, change.limits ?? S3_LIMITS);
}

/** What a push and a pull promise, of any S3 server. */
export function describeRemote(name: string, place: () => S3Place): void {
  describe(name, function () {
    this.timeout(120_000);
    let folder: Awaited<ReturnType<typeof tempFolder>>;
    const at = (...names: string[]) => path.join(folder.dir, ...names);
    // A prefix of its own for each test: a bucket may be used for many.
    const client = (signal?: AbortSignal) =>
      s3Client(place(), at("egress.jsonl"), {
        prefix: `team/${path.basename(folder.dir)}`,
        ...(signal ? { signal } : {}),
      });
    const LARGE = Buffer.alloc(2 * PART_BYTES + 12_345, "kept ");
    beforeEach(async () => {
      folder = await tempFolder();
      mkdirSync(at("thing", "part"), { recursive: true });
      writeFileSync(at("thing", "rows.jsonl"), '{"a":1}\n');
      writeFileSync(at("thing", "part", "empty"), "");
      writeFileSync(at("thing", "part", "large.bin"), LARGE);
    });
    afterEach(() => folder[Symbol.asyncDispose]());
    const push = (thing = "one", signal?: AbortSignal) =>
      pushFolder(client(signal), { kind: "datasets", name: thing, dir: at("thing") }, "2026-01-01T00:00:00.000Z");

    it("brings back every byte of what was pushed, and lists it", async () => {
      const made = await push();
      assert.deepEqual(
        made.files.map((file) => [file.path, file.bytes]),
        [
          ["part/empty", 0],
          ["part/large.bin", LARGE.length],
          ["rows.jsonl", 8],
        ],
      );
      await pullFolder(client(), { kind: "datasets", name: "one", out: at("back") });
      assert.deepEqual(readdirSync(at("back")).toSorted(), ["part", "rows.jsonl"]);
      assert.deepEqual(readFileSync(at("back", "part", "large.bin")), LARGE);
      assert.equal(readFileSync(at("back", "part", "empty")).length, 0);
      for (const more of ["three", "two"]) await push(more);
      assert.deepEqual(
        (await listRemote(client(), null)).map((thing) => `${thing.kind}/${thing.name}`),
        ["datasets/one", "datasets/three", "datasets/two"],
      );
      assert.deepEqual(await listRemote(client(), "backups"), []);
    });

    it("sends nothing twice: a blob is named by its hash", async () => {
      await push();
      const sent = () => readConnections(at("egress.jsonl"), 1_000).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
      const before = sent();
      await push("again");
      assert.ok(sent() - before < 10_000, `${sent() - before} bytes`);
    });

    it("goes on with the parts that are missing after it was stopped", async () => {
      const stop = new AbortController();
      const key = `blobs/${createHash("sha256").update(LARGE).digest("hex")}`;
      const upload = await client().openUpload(key);
      const part = LARGE.subarray(0, PART_BYTES);
      await client().putPart(key, upload.id, 1, part);
      stop.abort();
      await assert.rejects(push("one", stop.signal), { name: "AbortError" });
      assert.deepEqual(await listRemote(client(), null), []);
      const begun = await client().openUpload(key);
      assert.equal(begun.id, upload.id);
      assert.deepEqual([...begun.parts.keys()], [1]);
      const before = readConnections(at("egress.jsonl"), 1_000).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
      await push();
      const sent =
        readConnections(at("egress.jsonl"), 1_000).reduce((sum, { sentBytes }) => sum + sentBytes, 0) - before;
      assert.ok(sent < LARGE.length - PART_BYTES + 10_000, `${sent} bytes`);
      await pullFolder(client(), { kind: "datasets", name: "one", out: at("back") });
      assert.deepEqual(readFileSync(at("back", "part", "large.bin")), LARGE);
    });

    it("goes on with a download where it stopped", async () => {
      await push();
      mkdirSync(at("back.pulling", "part"), { recursive: true });
      writeFileSync(at("back.pulling", "part", "large.bin.part"), LARGE.subarray(0, 2 * PART_BYTES));
      const before = readConnections(at("egress.jsonl"), 1_000).reduce((sum, one) => sum + one.receivedBytes, 0);
      await pullFolder(client(), { kind: "datasets", name: "one", out: at("back") });
      const received =
        readConnections(at("egress.jsonl"), 1_000).reduce((sum, one) => sum + one.receivedBytes, 0) - before;
      assert.ok(received < 30_000, `${received} bytes`);
      assert.deepEqual(readFileSync(at("back", "part", "large.bin")), LARGE);
    });

    it("throws away what has other bytes than were pushed, and says so", async () => {
      const made = await push();
      const rows = made.files.find((file) => file.path === "rows.jsonl")!;
      await client().put(`blobs/${rows.sha256}`, Buffer.from('{"a":2}\n'));
      await assert.rejects(pullFolder(client(), { kind: "datasets", name: "one", out: at("back") }), {
        code: "remote-invalid",
      });
      assert.throws(() => readdirSync(at("back")));
    });

    it("says what is not there, and who may not", async () => {
      await assert.rejects(pullFolder(client(), { kind: "datasets", name: "none", out: at("back") }), {
        code: "not-found",
      });
      const stranger = s3Client(
        { ...place(), env: { AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: "nothing" } },
        at("egress.jsonl"),
      );
      await assert.rejects(stranger.list("", 1), { code: "remote-unauthorized" });
    });
  });
}
