import { exportArchive } from "../../../server/archive/export-archive.ts";
import { importArchive } from "../../../server/archive/import-archive.ts";
import { DEFAULT_MAX_BYTES, MANIFEST_MEMBER, type ArchiveManifest } from "../../../server/archive/layout.ts";
import { tarHeader, tarPadding } from "../../../server/archive/tar.ts";
import { hashOf } from "../../../server/content-hash.ts";
import { dataPlaces } from "../../../server/places.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { fillFolder } from "./filled-folder.ts";
import { headerAndBytes, membersOf, tarOf, zipOf, type Member } from "./tar-bytes.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

/**
 * A refusal takes no longer and no more memory than this, whatever the file says of itself. The time is the
 * processor's: what else runs on the machine says nothing about an archive.
 */
const MAX_MS = 1_000;
const MAX_GROWTH_BYTES = 256 * 2 ** 20;

let folder: Awaited<ReturnType<typeof tempFolder>>;
let good: Buffer;
let members: Member[];

describe("a hostile archive", function () {
  this.timeout(60_000);

  before(async () => {
    folder = await tempFolder();
    const { places } = fillFolder(path.join(folder.dir, "from"));
    const out = path.join(folder.dir, "good.tar");
    const signal = new AbortController().signal;
    await exportArchive({ places, out, now: new Date(1), signal, onProgress: () => {} });
    good = readFileSync(out);
    members = await membersOf(good);
  });
  after(() => folder[Symbol.asyncDispose]());

  it("is not what a good one is", async () => {
    assert.equal(await outcome(tarOf(members)), null);
    assert.equal(await outcome(gzipSync(good)), null);
  });

  // G21: names that lead elsewhere.
  for (const name of [
    "../../evil",
    "..\\..\\evil",
    "/etc/cron.d/x",
    "versions/../../evil/README.md",
    "datasets/x/rows.jsonl",
    "files/a b",
    "C:\\evil",
    "events.jsonl\u0000.md",
    "./events.jsonl",
    "Events.jsonl",
    "server.json",
    "kept.db",
    "",
  ]) {
    refuses(`a file called ${JSON.stringify(name)} (G21)`, () =>
      tarOf([...members, { name, bytes: Buffer.from("x") }]),
    );
    refuses(`a manifest that names ${JSON.stringify(name)}`, () =>
      tarOf(changed((manifest) => void (manifest.members[0]!.path = name))),
    );
  }

  // G22, G23, and what else tar knows.
  for (const [kind, what] of [
    ["1", "a hard link"],
    ["2", "a symbolic link"],
    ["3", "a character device"],
    ["4", "a block device"],
    ["5", "a folder"],
    ["6", "a pipe"],
    ["7", "a contiguous file"],
    ["L", "a long name"],
    ["x", "an extended header"],
    ["g", "a global header"],
    ["S", "a sparse file"],
  ] as const) {
    refuses(`${what} (G22, G23)`, () =>
      rewritten(good, 1, (header) => {
        header.write(kind, 156, "latin1");
        header.write("../../store.db", 157, "latin1");
      }),
    );
  }
  refuses("an ordinary file that names a link's target", () => rewritten(good, 1, (header) => header.write("/", 157)));
  refuses("a name that goes on in the prefix", () => rewritten(good, 1, (header) => header.write("..", 345)));

  // G24: bombs.
  refuses("10 GB of zeros in 10 MB", () => bomb(), ["too-large", "archive-invalid"]);
  refuses(
    "a manifest that announces 10 GB",
    () => tarOf(changed((manifest) => void (manifest.members[1]!.bytes = 10 * 2 ** 30))),
    ["too-large"],
  );
  refuses("a header that announces 8 GiB", () => rewritten(good, 1, (header) => header.write("77777777777\0", 124)));
  refuses("a manifest of 8 GiB", () => rewritten(good, 0, (header) => header.write("77777777777\0", 124)));
  refuses("a size in another base", () =>
    rewritten(good, 1, (header) => header.write("\x80\0\0\0\0\0\0\0\0\0\x01\0", 124, "latin1")),
  );
  refuses("a packed archive in a packed archive", () => gzipSync(gzipSync(good)));
  refuses(
    "64 MiB in 64 KiB, as its manifest says (G24)",
    () => gzipSync(tarOf(replaced(/^settings/, Buffer.alloc(64 * 2 ** 20)))),
    ["too-large"],
  );
  refuses("a zip file", () => zipOf("../../evil", Buffer.alloc(1_000)));

  // G25: many, and twice.
  refuses("100,000 files that its manifest does not name (G25)", () =>
    Buffer.concat([
      ...headerAndBytes(members[0]!),
      ...Array.from({ length: 100_000 }, () => tarHeader("README.md", 0, 0)),
    ]),
  );
  refuses("a manifest with 20,001 files", () =>
    tarOf(
      changed((manifest) => {
        for (let n = manifest.members.length; n <= 20_000; n += 1) {
          manifest.members.push({ path: `versions/v${n}/README.md`, bytes: 0, sha256: hashOf("") });
        }
      }),
    ),
  );
  refuses("the same file twice (G25)", () => tarOf([...members.slice(0, 3), members[2]!, ...members.slice(3)]));
  refuses("a manifest that names a file twice", () =>
    tarOf(changed((manifest) => void manifest.members.push(manifest.members[1]!))),
  );
  refuses("two names that differ in upper and lower case", () =>
    tarOf(
      changed((manifest) => {
        for (const id of ["abc", "ABC"]) {
          manifest.members.push({ path: `versions/${id}/README.md`, bytes: 0, sha256: hashOf("") });
        }
      }),
    ),
  );

  // G26: members that other archives have.
  for (const name of ["adapter_model.bin", "x.pkl", "modeling.py", "tokenizer.json"]) {
    refuses(
      `versions/v/${name}, which is named (G26)`,
      () => tarOf([...members, { name: `versions/v/${name}`, bytes: Buffer.from("x") }]),
      ["archive-invalid"],
      new RegExp(name),
    );
  }

  // G27 to G35: what an adapter claims.
  const inWeights = (bytes: Buffer) => () => tarOf(replaced(/\.safetensors$/, bytes));
  const safetensors = (header: string, data = 0): Buffer => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
    return Buffer.concat([length, Buffer.from(header), Buffer.alloc(data)]);
  };
  refuses("a header of 2^63 bytes (G27)", inWeights(Buffer.from("0000000000000080", "hex")));
  refuses("a file of 7 bytes (G28)", inWeights(Buffer.alloc(7)));
  refuses(
    "tensors that overlap (G29)",
    inWeights(
      safetensors(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        8,
      ),
    ),
  );
  refuses(
    "a shape that overflows (G30)",
    inWeights(safetensors('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}', 4)),
  );
  refuses(
    "a type that there is not (G31)",
    inWeights(safetensors('{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}', 4)),
  );
  for (const config of [
    '{"peft_type":"LORA","auto_mapping":{"x":1}}',
    '{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":["a"],"base_model_name_or_path":"http://evil/x"}',
    "[]",
    "{",
  ]) {
    refuses(`an adapter's configuration ${config} (G35)`, () =>
      tarOf(replaced(/adapter_config\.json$/, Buffer.from(config))),
    );
  }

  // G36: bytes that are not those of the manifest.
  refuses("a file with one bit changed (G36)", () => {
    const bytes = Buffer.from(members[2]!.bytes);
    bytes[0]! ^= 1;
    return tarOf(members.map((one, at) => (at === 2 ? { ...one, bytes } : one)));
  });
  refuses("a file cut by one byte", () =>
    tarOf(members.map((one, at) => (at === 2 ? { ...one, bytes: one.bytes.subarray(1) } : one))),
  );
  refuses("one file less", () => tarOf(members.slice(0, -1)));
  refuses("files in another order", () => tarOf([members[0]!, ...members.slice(1).toReversed()]));
  refuses("no manifest", () => tarOf(members.slice(1)));
  refuses("nothing", () => Buffer.alloc(0));
  refuses("zeros", () => Buffer.alloc(4_096));
  refuses("text", () => Buffer.from("hello ".repeat(1_000)));
  refuses("something behind its end", () => Buffer.concat([good, Buffer.from("evil")]));
  refuses("something between two files", () => {
    const bytes = Buffer.from(good);
    // Behind the manifest's text, where a header has only to be filled up.
    bytes[512 + members[0]!.bytes.length] = 1;
    return bytes;
  });
  refuses("a packing that is cut", () => gzipSync(good).subarray(0, -20));

  // Records.
  refuses("a record with a field too many", () =>
    tarOf(replaced(/^aliases/, Buffer.from('{"alias":"champion","version_id":null,"x":1}\n'))),
  );
  refuses("an alias that there is not", () =>
    tarOf(replaced(/^aliases/, Buffer.from('{"alias":"../x","version_id":null}\n'))),
  );
  refuses("an alias of a version that is not in it", () =>
    tarOf(replaced(/^aliases/, Buffer.from('{"alias":"champion","version_id":"none"}\n'))),
  );
  refuses("a run that is under way", () =>
    tarOf(replaced(/^runs/, Buffer.from(text(/^runs/).replace('"succeeded"', '"running"')))),
  );
  refuses("__proto__ in a record", () =>
    tarOf(replaced(/^aliases/, Buffer.from('{"__proto__":{"alias":"champion"}}\n'))),
  );
  refuses("an event of another shape", () =>
    tarOf(replaced(/^events/, Buffer.from(text(/^events/).replaceAll('"v":1', '"v":2')))),
  );
  refuses("a line without end", () => tarOf(replaced(/^events/, Buffer.from(text(/^events/).trimEnd()))));
  refuses("a line of 8 MiB", () => tarOf(replaced(/^settings/, Buffer.alloc(8 * 2 ** 20, 0x61))));
  refuses(
    "nesting of 100,000 levels",
    () =>
      tarOf(
        replaced(
          /^settings/,
          Buffer.from(`{"name":"a","changed_at":1,"value":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`),
        ),
      ),
    ["archive-invalid"],
  );
  refuses("a dataset whose rows are others", () => tarOf(replaced(/rows\.jsonl$/, Buffer.from("{}\n"))));

  it("of a later format is refused as such", async () => {
    const later = tarOf(changed((manifest) => void ((manifest as { format: number }).format = 2)));
    assert.equal((await outcome(later))?.code, "archive-newer");
  });

  it("that is cut anywhere is refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: good.length - 1_025 }), async (length) => {
        assert.equal((await outcome(good.subarray(0, length)))?.code, "archive-invalid");
      }),
      { numRuns: 40 },
    );
  });

  it("with any byte changed is refused, but for what the manifest says of itself", async () => {
    const describing = new Set<number>();
    for (const field of ["createdAt", "keptVersion", "schema", "eventWatermark"]) {
      const from = good.indexOf(`"${field}"`);
      for (let at = good.lastIndexOf("\n", from); at <= good.indexOf("\n", from); at += 1) describing.add(at);
    }
    // Spaces and line breaks of the manifest's text say nothing either.
    const isBlank = (at: number): boolean =>
      at < 512 + members[0]!.bytes.length && /\s/.test(String.fromCharCode(good[at]!));
    const at = fc.nat(good.length - 1).filter((place) => !describing.has(place) && !isBlank(place));
    await fc.assert(
      fc.asyncProperty(at, fc.integer({ min: 1, max: 255 }), async (place, flip) => {
        const bytes = Buffer.from(good);
        bytes[place]! ^= flip;
        assert.match((await outcome(bytes))?.code ?? "", /^archive-(invalid|newer)$|^too-large$/);
      }),
      { numRuns: 60 },
    );
  });
});

function refuses(
  what: string,
  make: () => Buffer,
  codes: readonly string[] = ["archive-invalid"],
  message = /./,
): void {
  it(`is refused: ${what}`, async () => {
    const bytes = make();
    const refusal = await outcome(bytes);
    assert.ok(refusal, "it was taken in");
    assert.ok(codes.includes(refusal.code), `${refusal.code}: ${refusal.message}`);
    assert.match(refusal.message, message);
    assert.ok(refusal.ms < MAX_MS, `${refusal.ms} ms`);
    assert.ok(refusal.grownBytes < MAX_GROWTH_BYTES, `${refusal.grownBytes} bytes`);
  });
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly ms: number;
  readonly grownBytes: number;
}

let nTries = 0;

/** What an import into a folder that is not there says; null when it takes the archive in. Nothing is left of a refusal. */
async function outcome(bytes: Buffer): Promise<Refusal | null> {
  const dir = path.join(folder.dir, `try-${nTries++}`);
  mkdirSync(dir);
  const file = path.join(dir, "archive");
  writeFileSync(file, bytes);
  const dataDir = path.join(dir, "data");
  const started = process.cpuUsage();
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = (): void => void (most = Math.max(most, process.memoryUsage.rss()));
  const { signal } = new AbortController();
  try {
    await importArchive({ dataDir, file, maxBytes: DEFAULT_MAX_BYTES, signal, onProgress: watch });
    assert.ok(existsSync(dataPlaces(dataDir).database));
    return null;
  } catch (error) {
    watch();
    assert.deepEqual(readdirSync(dir), ["archive"]);
    const { code, message, stack } = error as Error & { code?: string };
    assert.equal((error as Error).name, "AppError", stack);
    const { user, system } = process.cpuUsage(started);
    return { code: code!, message, ms: (user + system) / 1_000, grownBytes: most - before };
  }
}

const text = (name: RegExp): string => members.find((one) => name.test(one.name))!.bytes.toString();

/** The archive with another manifest. */
function changed(change: (manifest: ArchiveManifest) => void): Member[] {
  const manifest = JSON.parse(members[0]!.bytes.toString()) as ArchiveManifest;
  change(manifest);
  return [{ name: MANIFEST_MEMBER, bytes: Buffer.from(JSON.stringify(manifest)) }, ...members.slice(1)];
}

/** The archive with other bytes in a file, and a manifest that says so. */
function replaced(name: RegExp, bytes: Buffer): Member[] {
  const found = members.find((one) => name.test(one.name))!;
  const all = changed((manifest) => {
    const member = manifest.members.find(({ path: one }) => one === found.name)!;
    Object.assign(member, { bytes: bytes.length, sha256: hashOf(bytes) });
    delete member.records;
  });
  return all.map((one) => (one.name === found.name ? { ...one, bytes } : one));
}

/** The archive with the header of its n-th file changed, and a checksum that fits. */
function rewritten(tar: Buffer, n: number, change: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(tar);
  let at = 0;
  for (const { bytes: body } of members.slice(0, n)) at += 512 + body.length + tarPadding(body.length).length;
  const header = bytes.subarray(at, at + 512);
  change(header);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

/** 300 MB of zeros behind a manifest that does not name them, packed to a thousandth. */
function bomb(): Buffer {
  const zeros = gzipSync(Buffer.alloc(64 * 2 ** 20), { level: 9 });
  const size = 160 * 64 * 2 ** 20;
  const header = tarHeader("events.jsonl", Math.min(size, 0o77777777777), 1);
  return Buffer.concat([
    gzipSync(Buffer.concat([...headerAndBytes(members[0]!), header])),
    ...Array.from({ length: 160 }, () => zeros),
  ]);
}
