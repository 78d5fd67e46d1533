import assert from "node:assert/strict";
import path from "node:path";
import { tempFolder } from "../../server/temp-folder.ts";
import { runCli } from "../../server/server-process.ts";
import { runningApp } from "../../server/running-app.ts";
import { openReading } from "../../../server/survival/reading.ts";
import { createRepository, type TestRepository } from "../tracker/repository.ts";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";

const CODE = [
  "export function parse(text) {",
  "  const words = text.split(' ');",
  "  return words.filter((word) => word !== '');",
  "}",
  "",
  "export function join(words) {",
  "  return words.join(' ');",
  "}",
  "",
].join("\n");

describe("adopting what other tools wrote", () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let repo: TestRepository;
  let commit: string;
  beforeEach(async () => {
    folder = await tempFolder();
    repo = await createRepository();
    commit = await repo.commit("Add words", { "src/words.js": CODE, "src/my file.js": CODE });
  });
  afterEach(async () => {
    await repo[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const data = () => path.join(folder.dir, "data");
  const kept = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["--data-dir", data(), ...args]);
    return { code, stderr, out: stdout, json: stdout.startsWith("{") ? JSON.parse(stdout) : null };
  };
  const attach = async (attested: string, meta: Record<string, unknown> = {}, to = commit) => {
    const described = {
      schema_version: "authorship/3.0.0",
      base_commit_sha: commit,
      prompts: {},
      sessions: { s_0123456789abcd: { agent_id: { tool: "claude", id: "conv-1", model: "opus" } } },
      ...meta,
    };
    await writeFile(path.join(folder.dir, "note"), `${attested}\n---\n${JSON.stringify(described)}\n`);
    await repo.git("notes", "--ref=ai", "add", "-f", "-F", path.join(folder.dir, "note"), to);
  };
  const NOTE =
    'src/words.js\n  s_0123456789abcd::t_00000000000001 1-4,6-8\n"src/my file.js"\n  s_0123456789abcd::t_00000000000002 6-8';
  const completions = (): string[] => {
    using reading = openReading(data());
    return [...reading.accepted(null)].flatMap(({ events }) =>
      events.flatMap((event) => (event.kind === "shown" ? event.completion : [])),
    );
  };
  const gitFolder = async () => repo.git("for-each-ref");

  it("imports git-ai's notes once", async () => {
    await attach(NOTE);
    const first = await kept("import", "git-ai", "--repo", repo.root, "--json");
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual([first.json.read, first.json.found, first.json.accepted, first.json.refused], [1, 3, 3, []]);
    const lines = CODE.split("\n");
    assert.deepEqual(
      completions().sort(),
      [
        `${lines.slice(0, 4).join("\n")}\n`,
        `${lines.slice(5, 8).join("\n")}\n`,
        `${lines.slice(5, 8).join("\n")}\n`,
      ].sort(),
    );
    const again = await kept("import", "git-ai", "--repo", repo.root, "--json");
    assert.deepEqual([again.json.accepted, again.json.duplicates], [0, 3]);
    assert.deepEqual(again.json.suggestionIds, first.json.suggestionIds);
  });

  it("says what it would import and changes nothing", async () => {
    await attach(NOTE);
    const { code, json } = await kept("import", "git-ai", "--repo", repo.root, "--dry-run", "--json");
    assert.deepEqual([code, json.found, json.accepted], [0, 3, undefined]);
    assert.equal(existsSync(data()), false);
  });

  it("leaves out what is wrong, names it, and takes the rest", async () => {
    await attach(
      "src/words.js\n  s_0123456789abcd::t_00000000000001 1-4,90-91\nsrc/gone.js\n  s_0123456789abcd::t_00000000000001 1",
    );
    const second = await repo.commit("Change", { "b.js": "b();\n" });
    await attach("../../etc/passwd\n  s_0123456789abcd::t_00000000000001 1", {}, second);
    const { code, json } = await kept("import", "git-ai", "--repo", repo.root, "--json");
    assert.equal(code, 0);
    assert.equal(json.accepted, 1);
    assert.deepEqual(
      json.refused.map(({ where, code: why }: { where: string; code: string }) => [where, why]),
      [
        [commit, "lines-missing"],
        [commit, "file-missing"],
        [second, "note-invalid"],
      ],
    );
  });

  it("fails when no note can be read, and has nothing to do without notes", async () => {
    assert.equal((await kept("import", "git-ai", "--repo", repo.root, "--json")).code, 0);
    await attach("a\n  x 1");
    const { code, out } = await kept("import", "git-ai", "--repo", repo.root);
    assert.equal(code, 1);
    assert.match(out, /note-invalid/);
    const nowhere = await kept("import", "git-ai", "--repo", folder.dir);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /git-unavailable/);
  });

  it("imports Agent Trace records at the revision that they name", async () => {
    await repo.commit("Remove", { "src/words.js": null });
    const record = {
      version: "0.1.0",
      id: "550e8400-e29b-41d4-a716-446655440000",
      timestamp: "2026-01-23T14:30:00Z",
      vcs: { type: "git", revision: commit },
      tool: { name: "cursor" },
      files: [
        {
          path: "src/words.js",
          conversations: [{ contributor: { type: "ai", model_id: "x/y" }, ranges: [{ start_line: 6, end_line: 8 }] }],
        },
      ],
    };
    const lost = { ...record, id: "550e8400-e29b-41d4-a716-446655440001", vcs: { type: "jj", revision: "kkmpptxz" } };
    const file = path.join(folder.dir, "traces.jsonl");
    await writeFile(file, `${JSON.stringify(record)}\n${JSON.stringify(lost)}\n{"version":1}\n`);
    const { code, json, stderr } = await kept("import", "agent-trace", file, "--repo", repo.root, "--json");
    assert.equal(code, 0, stderr);
    assert.equal(json.accepted, 1);
    assert.deepEqual(
      json.refused.map((refused: { code: string }) => refused.code),
      ["trace-invalid", "commit-missing"],
    );
    assert.deepEqual(completions(), ["export function join(words) {\n  return words.join(' ');\n}\n"]);
    assert.equal((await kept("import", "agent-trace", file, "--repo", repo.root, "--json")).json.duplicates, 1);
  });

  it("refuses a file that holds no records", async () => {
    const file = path.join(folder.dir, "other.json");
    await writeFile(file, "[1, 2]");
    const { code, stderr } = await kept("import", "agent-trace", file, "--repo", repo.root);
    assert.equal(code, 1);
    assert.match(stderr, /trace-invalid/);
    assert.equal((await kept("import", "agent-trace", path.join(folder.dir, "none"), "--repo", repo.root)).code, 3);
  });

  it("takes lines of a file, without a server and with one", async () => {
    const file = path.join(repo.root, "src", "words.js");
    const added = await kept(
      "generation",
      "add",
      "--file",
      file,
      "--lines",
      "6-8",
      "--tool",
      "aider",
      "--id",
      "1",
      "--json",
    );
    assert.equal(added.code, 0, added.stderr);
    assert.equal(added.json.status, "accepted");
    await using server = await runningApp({ dataDir: data() });
    const again = await kept(
      "generation",
      "add",
      "--file",
      file,
      "--lines",
      "6-8",
      "--tool",
      "aider",
      "--id",
      "1",
      "--json",
    );
    assert.deepEqual([again.json.status, again.json.suggestionIds], ["duplicate", added.json.suggestionIds]);
    const { body } = await server.call("GET", `/v1/suggestions/${added.json.suggestionIds[0]}/why`);
    assert.deepEqual([body.suggestion.path, body.context.root], ["src/words.js", repo.root]);
    const late = await kept("generation", "add", "--file", file, "--lines", "6-80");
    assert.equal(late.code, 1);
    assert.match(late.stderr, /lines-missing/);
    assert.equal((await kept("generation", "add", "--file", file, "--lines", "8-6")).code, 2);
  });

  it("writes a note only when it is told to, and never over another tool's", async () => {
    await using server = await runningApp({ dataDir: data() });
    const { sampleSession, shownWith } = await import("../../server/sample-events.ts");
    const session = sampleSession();
    const id = "01890000-0000-7000-8000-000000000001";
    const completion = "export function join(words) {\n  return words.join(' ');\n}";
    await server.call("POST", "/v1/events", {
      events: [
        shownWith(session, id, { completion, root: repo.root, path: "src/words.js" }),
        session.of("accepted", id),
      ],
    });
    const before = await gitFolder();
    const dry = await kept("export", "git-ai", "--repo", repo.root, "--json");
    assert.equal(dry.code, 0, dry.stderr);
    assert.deepEqual([dry.json.files, dry.json.lines, dry.json.written], [1, 3, false]);
    assert.equal(await gitFolder(), before);
    const wet = await kept("export", "git-ai", "--repo", repo.root, "--write", "--json");
    assert.equal(wet.json.written, true);
    const note = await repo.git("notes", "--ref=ai", "show", commit);
    assert.match(note, /^src\/words\.js\n {2}s_[0-9a-f]{14}::t_[0-9a-f]{14} 6-8\n---\n/);
    assert.equal(JSON.parse(note.split("\n---\n")[1] ?? "").schema_version, "authorship/3.0.0");
    // Its own note may be renewed; what it wrote is read back as what it is.
    assert.equal((await kept("export", "git-ai", "--repo", repo.root, "--write")).code, 0);
    await attach(NOTE);
    const refused = await kept("export", "git-ai", "--repo", repo.root, "--write");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /export-refused/);
  });
});
