import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { SnippetState } from "../../../core/survival/survival-record.ts";
import { findRepository, pathInRepository } from "../../../tracker/repository.ts";
import { openTracker } from "../../../tracker/tracker.ts";
import { BASKET, DEADLINE_MS, FILLER, followRepository, repositoryAt, SNIPPET } from "./followed-repository.ts";
import { createRepository, type TestRepository } from "./repository.ts";

const WITH_SNIPPET = `${BASKET}\n${SNIPPET}`;
const signal = (): AbortSignal => AbortSignal.timeout(DEADLINE_MS);

/** Each must end unknown or right, and never dead (survival.md section 4). */
describe("survival where git says less", () => {
  it("is not known in a submodule, and never dead there", async () => {
    await using inner = await createRepository();
    await inner.commit("start", { "lib.ts": BASKET });
    await using repository = await followRepository();
    await repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root, "vendor");
    await repository.commit("submodule");
    await repository.look();
    await repository.write("vendor/lib.ts", WITH_SNIPPET);
    await repository.accept("s", "vendor/lib.ts", SNIPPET);
    const first = await repository.see();
    assert.deepEqual(first.state, { kind: "alive", in: "worktree" });
    await repository.write("vendor/lib.ts", BASKET);
    repository.tracker.undone("s", false);
    assert.deepEqual((await repository.see()).state, { kind: "unknown", reason: "submodule" });
  });

  it("is right in a shallow clone, and not known there when it is gone", async () => {
    await using origin = await createRepository();
    await origin.commit("one", { "a.ts": BASKET });
    await origin.commit("two", { "b.ts": FILLER });
    await using clone = await createRepository({ init: null });
    await clone.git("clone", "-q", "--depth", "1", `file://${origin.root}`, ".");
    await using repository = await followRepository({ at: clone });
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await repository.commit("accept");
    assert.equal((await repository.see()).tok, 1);
    await repository.commit("drop", { "a.ts": BASKET });
    // The remote's default branch does not hold it, but what it does hold was never seen whole.
    assert.deepEqual((await repository.see()).state, { kind: "unknown", reason: "shallow" });
  });

  const unreadable = (
    name: string,
    text: string,
    state: SnippetState,
    prepare?: (repository: TestRepository) => Promise<unknown>,
  ) =>
    it(`is alive in the work tree and not known in git: ${name}`, async () => {
      await using repository = await followRepository();
      await prepare?.(repository);
      await repository.write("a.ts", text);
      await repository.accept("s", "a.ts", SNIPPET);
      await repository.commit("accept");
      const first = await repository.see();
      assert.notEqual(first.state.kind, "dead");
      await repository.write("a.ts", BASKET);
      repository.tracker.undone("s", false);
      assert.deepEqual((await repository.see()).state, state);
    });
  unreadable("more than 3 MB", `${WITH_SNIPPET}${"// filler of a generated file\n".repeat(120_000)}`, {
    kind: "unknown",
    reason: "binary",
  });
  // Git shows no text of it, but the index has the bytes.
  unreadable("binary", `${WITH_SNIPPET}\0\0\0`, { kind: "alive", in: "worktree" });
  unreadable("kept by git LFS", WITH_SNIPPET, { kind: "unknown", reason: "lfs" }, async (repository) => {
    await repository.git(
      "config",
      "filter.lfs.clean",
      `printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:00\\nsize 9\\n'`,
    );
    await repository.git("config", "filter.lfs.smudge", "cat");
    await repository.commit("attributes", { ".gitattributes": "a.ts filter=lfs -text\n" });
  });

  it("is right in a repository that is reached through a link", async () => {
    await using repository = await followRepository();
    const link = `${repository.root}-link`;
    await symlink(repository.root, link);
    try {
      const found = await repositoryAt(link);
      assert.equal(found.top, (await repositoryAt(repository.root)).top);
      assert.equal(pathInRepository(found, join(found.top, "a.ts")), "a.ts");
      assert.equal(pathInRepository(found, join(found.top, "..", "a.ts")), null);
    } finally {
      await rm(link);
    }
  });

  it("is not known when objects are missing", async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await repository.commit("accept");
    const blob = await repository.git("rev-parse", "HEAD:a.ts");
    await rm(join(repository.root, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
    // Git would read the file of the work tree in its place.
    await repository.write("a.ts", `${FILLER}${BASKET}`);
    const observation = await repository.look();
    assert.equal(observation.kind, "failed");
    assert.equal(repository.tracker.state.get("s")?.state.kind, "unknown");
  });

  it("is not known in a repository that git does not trust", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": BASKET });
    const folder = await mkdtemp(join(tmpdir(), "kept-untrusted-"));
    const path = process.env["PATH"] ?? "";
    try {
      const script = `#!/bin/sh\nPATH='${path}' GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"\n`;
      await writeFile(join(folder, "git"), script, { mode: 0o755 });
      process.env["PATH"] = `${folder}${delimiter}${path}`;
      assert.deepEqual(await findRepository(repository.root, signal()), { ok: false, reason: "not-trusted" });
    } finally {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("runs no git that lies in the repository, whatever the search path says", async () => {
    await using repository = await followRepository();
    await repository.write("git", "#!/bin/sh\ntouch ran-a-stranger\n");
    await chmod(join(repository.root, "git"), 0o755);
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await repository.commit("accept");
    await repository.git("config", "core.fsmonitor", "touch ran-a-stranger");
    const path = process.env["PATH"] ?? "";
    try {
      process.env["PATH"] = `.${delimiter}${delimiter}${path}`;
      assert.equal((await repository.see()).tok, 1);
      assert.ok((await findRepository(repository.root, signal())).ok);
    } finally {
      process.env["PATH"] = path;
    }
    assert.ok(!(await readdir(repository.root)).includes("ran-a-stranger"));
  });

  it("is right in a repository without commits, from the first one on", async () => {
    await using empty = await createRepository();
    await using repository = await followRepository({ at: empty });
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    assert.deepEqual((await repository.see()).state, { kind: "alive", in: "worktree" });
    await repository.commit("first");
    assert.equal((await repository.see()).tok, 1);
    assert.equal((await repository.see()).state.kind, "alive");
  });

  it("is right in files whose names git quotes", async () => {
    for (const file of [
      'say "hi".ts',
      "tab\there.ts",
      "line\nend.ts",
      "back\\slash.ts",
      "préis größe.ts",
      "$(touch x);.ts",
    ]) {
      await using repository = await followRepository();
      await repository.write(file, WITH_SNIPPET);
      await repository.accept("s", file, SNIPPET);
      await repository.commit("accept");
      const found = await repository.see();
      assert.equal(found.tok, 1, file);
      assert.deepEqual(found.where[0]?.files, [file]);
      await repository.git("mv", file, "plain.ts");
      await repository.commit("rename");
      assert.deepEqual((await repository.see()).where[0]?.files, ["plain.ts"], file);
      assert.ok(!(await readdir(repository.root)).includes("x"));
    }
  });

  it("is right for a one-line snippet of two tokens in its own file", async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", `${BASKET}\nreturn basket;\n`);
    await repository.accept("s", "a.ts", "return basket;");
    await repository.commit("accept");
    assert.equal((await repository.see()).tok, 1);
    await repository.commit("above", { "a.ts": `// note\n${BASKET}\nreturn basket;\n` });
    assert.equal((await repository.see()).tok, 1);
    await repository.commit("drop", { "a.ts": BASKET });
    assert.equal((await repository.see()).state.kind, "dead");
  });

  it("starts from a commit that is named, with nothing running before", async () => {
    await using repository = await createRepository();
    const head = await repository.commit("start", { "a.ts": BASKET });
    await repository.commit("accept", { "a.ts": WITH_SNIPPET });
    for (let at = 0; at < 5; at += 1) await repository.commit(`later ${at}`, { "b.ts": `${FILLER}// ${at}\n` });
    const tracker = await openTracker({
      repository: await repositoryAt(repository.root),
      folder: null,
      now: () => 1_800_000_000_000,
    });
    await tracker.accept([{ sid: "s", file: "a.ts", text: SNIPPET, line: null, before: "", head }]);
    await tracker.observe(signal());
    assert.deepEqual(tracker.state.get("s")?.state, { kind: "alive", in: "default" });
    await tracker.close();
  });
});
