import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { qualityOf } from "../../../core/survival/quality.ts";
import { BASKET, FILLER, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";
import { commit, compare, lookAfter, NARROW, scenario, whole, WITH_SNIPPET } from "./scenario.ts";

describe("survival through commits (D9 to D14)", () => {
  scenario("D9 committed", commit, { ...whole, files: ["a.ts"], places: { head: 1, default: 1 } });
  scenario(
    "D10 amended with lines inserted above",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        async () => {
          await repository.write("a.ts", `// A note\n${FILLER}\n${WITH_SNIPPET}`);
          await repository.git("commit", "-qa", "--amend", "-m", "accept and note");
        },
      ),
    whole,
  );
  it("D11 only the message amended: no records but that HEAD moved", async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await commit(repository);
    const before = await repository.see();
    const nBefore = repository.records.length;
    await repository.git("commit", "-q", "--amend", "-m", "other words");
    assert.equal(await repository.see(), before);
    assert.equal(repository.records.length, nBefore);
  });
  it("D12 half of it staged and committed, the rest alive in the work tree, then whole", async () => {
    await using repository = await followRepository();
    const half = SNIPPET.split("\n").slice(0, 5).join("\n");
    await repository.accept("s", "a.ts", SNIPPET);
    await repository.write("a.ts", `${BASKET}\n${half}\n`);
    await repository.git("add", "a.ts");
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.git("commit", "-qm", "half");
    const first = await repository.see();
    const inHead = first.where.find(({ place }) => place === "head")?.tok ?? 0;
    assert.ok(inHead > 0 && inHead < 1, `${inHead} in HEAD`);
    assert.equal(first.where.find(({ place }) => place === "worktree")?.tok, 1);
    assert.equal(first.tok, 1);
    await repository.commit("the rest");
    compare(await repository.see(), whole);
  });
  scenario(
    "D13 reformatted to another width before the commit",
    async (repository) => {
      await repository.write("a.ts", `${BASKET}\n${NARROW}`);
      await commit(repository);
    },
    whole,
  );
  scenario(
    "D14 rewritten by a hook of the commit",
    async (repository) => {
      const hook = `#!/bin/sh\nprintf '%s' "$KEPT_TEXT" > a.ts\ngit add a.ts\n`;
      await repository.write(
        ".git/hooks/pre-commit",
        hook.replace("$KEPT_TEXT", `${BASKET}\n${NARROW}`.replaceAll('"', '\\"')),
      );
      await repository.git("update-index", "--refresh").catch(() => undefined);
      await chmod(join(repository.root, ".git/hooks/pre-commit"), 0o755);
      await commit(repository);
      assert.ok((await repository.git("show", "HEAD:a.ts")).includes("items: readonly Item[],\n"));
    },
    whole,
  );
});

describe("survival through rewritten history (D15 to D23)", () => {
  scenario(
    "D15 rebased onto moved main",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("checkout", "-qb", "feature"),
        () => commit(repository),
        async () => {
          await repository.git("checkout", "-q", "main");
          await repository.commit("ground", { "c.ts": FILLER, "a.ts": `// ground\n${BASKET}` });
          await repository.git("checkout", "-q", "feature");
          await repository.git("rebase", "-q", "main");
        },
      ),
    { state: { kind: "alive", in: "head" }, tok: 1, places: { head: 1 } },
  );
  scenario(
    "D16 three commits squashed into one",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("checkout", "-qb", "feature"),
        () => commit(repository),
        () => repository.commit("two", { "c.ts": FILLER }),
        () => repository.commit("three", { "a.ts": `// three\n${WITH_SNIPPET}` }),
        async () => {
          await repository.git("-c", "sequence.editor=sed -i '2,$s/^pick/squash/'", "rebase", "-q", "-i", "main");
        },
      ),
    { state: { kind: "alive", in: "head" }, tok: 1 },
  );
  scenario(
    "D17 a fixup squashed into its commit",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("two", { "c.ts": FILLER }),
        async () => {
          await repository.write("a.ts", `// fixed\n${WITH_SNIPPET}`);
          await repository.git("commit", "-qa", "--fixup", "HEAD~1");
          await repository.git("-c", "sequence.editor=true", "rebase", "-q", "-i", "--autosquash", "HEAD~3");
        },
      ),
    whole,
  );
  scenario(
    "D18 two commits of one file in the other order",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("top", { "a.ts": `// top\n${WITH_SNIPPET}` }),
        async () => {
          await repository.git("-c", "sequence.editor=sed -i '1{h;d};2{G}'", "rebase", "-q", "-i", "HEAD~2");
          assert.equal(await repository.git("log", "-1", "--format=%s"), "accept");
        },
      ),
    whole,
  );
  scenario(
    "D19 its commit dropped",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("two", { "c.ts": FILLER }),
        () => repository.git("-c", "sequence.editor=sed -i 1d", "rebase", "-q", "-i", "HEAD~2"),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["abandoned"] },
  );
  scenario(
    "D19 its commit dropped, while another branch has it",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.git("branch", "backup"),
        () => repository.git("reset", "-q", "--hard", "HEAD~1"),
      ),
    { state: { kind: "dormant", ref: "backup" }, tok: 1 },
  );
  scenario(
    "D20 reset softly and committed again",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.git("reset", "-q", "--soft", "HEAD~1"),
        () => repository.commit("again"),
      ),
    whole,
  );
  scenario(
    "D21 merged by squash, and its branch deleted",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("checkout", "-qb", "feature"),
        () => commit(repository),
        async () => {
          await repository.git("checkout", "-q", "main");
          await repository.git("merge", "-q", "--squash", "feature");
          await repository.commit("squashed");
        },
        () => repository.git("branch", "-qD", "feature"),
      ),
    whole,
  );
  scenario(
    "D22 picked onto a release branch",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("branch", "release"),
        () => commit(repository),
        async () => {
          await repository.git("checkout", "-q", "release");
          await repository.git("cherry-pick", "main");
        },
      ),
    { ...whole, places: { head: 1, default: 1 } },
  );
  it("D23 a rebase given up after a conflict: nothing happened", async () => {
    await using repository = await followRepository();
    await repository.git("checkout", "-qb", "feature");
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await commit(repository);
    await repository.git("checkout", "-q", "main");
    await repository.commit("other", { "a.ts": BASKET.replace("class Basket", "class Bag") + FILLER });
    await repository.git("checkout", "-q", "feature");
    const before = await repository.see();
    const nBefore = repository.records.length;
    await repository.commit("conflict", { "a.ts": WITH_SNIPPET.replace("class Basket", "class Sack") });
    await repository.look();
    const settled = await repository.see();
    await repository.git("rebase", "main").catch(() => undefined);
    assert.equal((await repository.look()).kind, "waiting");
    await repository.git("rebase", "--abort");
    assert.equal(await repository.see(), settled);
    assert.deepEqual(settled.state, before.state);
    assert.equal(repository.records.slice(nBefore).filter(({ kind }) => kind === "loss").length, 0);
  });
});

/** With the snippet in the work tree: a branch that has another commit is switched to, as the command says. */
const switchDirty = async (
  repository: FollowedRepository,
  theirs: Readonly<Record<string, string>>,
  ...command: readonly string[]
): Promise<void> => {
  await repository.git("stash", "-q");
  await repository.git("checkout", "-qb", "other");
  await repository.commit("theirs", theirs);
  await repository.git("checkout", "-q", "main");
  await repository.git("stash", "pop", "-q");
  await lookAfter(repository, () => repository.git(...command));
};

describe("survival on branches, in the stash and in work trees (D24 to D29)", () => {
  const onFeature = (repository: FollowedRepository) => [
    () => repository.git("checkout", "-qb", "feature"),
    () => commit(repository),
    () => repository.git("checkout", "-q", "main"),
  ];
  scenario("D24 another branch checked out", (repository) => lookAfter(repository, ...onFeature(repository)), {
    state: { kind: "dormant", ref: "feature" },
    tok: 1,
    places: { head: 0, "branch feature": 1 },
  });
  scenario(
    "D25 its branch deleted without a merge",
    (repository) => lookAfter(repository, ...onFeature(repository), () => repository.git("branch", "-qD", "feature")),
    { state: { kind: "dead" }, tok: 0, causes: ["abandoned"] },
  );
  it("D25 a deleted branch counts nothing against the code's quality", async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await lookAfter(repository, ...onFeature(repository), () => repository.git("branch", "-qD", "feature"));
    const { losses, acceptedAt } = await repository.see();
    const lost = losses.map(({ lost: fraction, lostAt, cause }) => ({ fraction, afterMs: lostAt - acceptedAt, cause }));
    assert.ok(lost.length > 0);
    assert.equal(qualityOf(lost, DEFAULT_LABEL_TABLE.blame), 1);
  });
  scenario("D26 stashed", (repository) => lookAfter(repository, () => repository.git("stash", "-q")), {
    state: { kind: "dormant", ref: "stash@{0}" },
    tok: 1,
  });
  scenario(
    "D26 stashed with a new file that git did not know",
    async (repository) => {
      await repository.write("a.ts", BASKET);
      await repository.write("new.ts", SNIPPET);
      await repository.accept("s", "new.ts", SNIPPET);
      await repository.git("stash", "-q", "--include-untracked");
    },
    { state: { kind: "dormant", ref: "stash@{0}" }, tok: 1 },
  );
  scenario(
    "D26 stashed, taken back and committed",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("stash", "-q"),
        () => repository.git("stash", "pop", "-q"),
        () => commit(repository),
      ),
    whole,
  );
  scenario(
    "D27 the stash dropped",
    (repository) =>
      lookAfter(
        repository,
        () => repository.git("stash", "-q"),
        () => repository.git("stash", "drop", "-q"),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["abandoned"] },
  );
  scenario(
    "D28 carried uncommitted to a new branch",
    (repository) => lookAfter(repository, () => repository.git("checkout", "-qb", "other")),
    { state: { kind: "alive", in: "worktree" }, tok: 1, places: { worktree: 1 }, gains: 0 },
  );
  scenario(
    "D28 carried uncommitted to a branch that has gone on",
    (repository) => switchDirty(repository, { "b.ts": "export const theirs = 1;\n" }, "checkout", "-q", "other"),
    { state: { kind: "alive", in: "worktree" }, tok: 1, places: { worktree: 1, head: 0 }, gains: 0 },
  );
  scenario(
    "D28 carried uncommitted to a branch where its file has changed, by a merge of the file",
    (repository) => switchDirty(repository, { "a.ts": `// Theirs.\n${BASKET}` }, "checkout", "-q", "--merge", "other"),
    { state: { kind: "alive", in: "worktree" }, tok: 1, places: { worktree: 1, head: 0 }, gains: 0 },
  );
  scenario(
    "D28 carried to another branch and committed there",
    async (repository) => {
      await switchDirty(repository, { "b.ts": "export const theirs = 1;\n" }, "checkout", "-q", "other");
      await lookAfter(repository, () => commit(repository));
    },
    { state: { kind: "alive", in: "head" }, tok: 1, places: { head: 1, "default main": 0 }, gains: 0 },
  );
  scenario(
    "D28 carried there, committed and left there",
    async (repository) => {
      await switchDirty(repository, { "b.ts": "export const theirs = 1;\n" }, "checkout", "-q", "other");
      await lookAfter(
        repository,
        () => commit(repository),
        () => repository.git("checkout", "-q", "main"),
      );
    },
    { state: { kind: "dormant", ref: "other" }, tok: 1, places: { head: 0, "branch other": 1, worktree: 0 }, gains: 0 },
  );
  scenario(
    "D29 committed in a linked work tree and merged in the main one",
    async (repository) => {
      await repository.write("a.ts", BASKET);
      await repository.git("worktree", "add", "-q", "-b", "side", "../linked-of-kept");
      const linked = join(repository.root, "../linked-of-kept");
      await repository.write("../linked-of-kept/a.ts", WITH_SNIPPET);
      await repository.git("-C", linked, "commit", "-qam", "side");
      await repository.look();
      await repository.git("merge", "-q", "side");
      await repository.git("worktree", "remove", "--force", linked);
    },
    whole,
  );
});
