import assert from "node:assert/strict";
import { replayRecords } from "../../../core/survival/survival-state.ts";
import { parseLog } from "../../../tracker/event-log.ts";
import { BASKET, DEADLINE_MS, type FollowedRepository, followRepository } from "./followed-repository.ts";

const N_SNIPPETS = 12;
const IDS = Array.from({ length: N_SNIPPETS }, (_, at) => `s${at}`);
/** Four lines that share no four tokens with those of another. */
const codeOf = (id: string): string =>
  [1, 2, 3, 4].map((line) => `${id}Left${line} = ${id}Right${line} + ${id}Other${line};\n`).join("");
const textsWithout = (left: readonly string[]): Record<string, string> => {
  const texts = { "a.ts": BASKET, "c.ts": "" };
  for (const [at, id] of IDS.entries()) if (!left.includes(id)) texts[at % 2 === 0 ? "a.ts" : "c.ts"] += codeOf(id);
  return texts;
};
const linesOf = async (repository: FollowedRepository): Promise<string[]> =>
  (await repository.log()).trimEnd().split("\n");
const kindsOf = (lines: readonly string[]): unknown[] =>
  lines.map((line) => (JSON.parse(line) as { kind: string }).kind);

/** Several snippets, half of them in one file, committed on main: one of them, `LATER`, in the last commit. */
const accepted = async (): Promise<FollowedRepository> => {
  const repository = await followRepository();
  for (const [at, id] of IDS.entries()) await repository.accept(id, at % 2 === 0 ? "a.ts" : "c.ts", codeOf(id));
  await repository.commit("accept", textsWithout([LATER]));
  await repository.look();
  await repository.commit("later", textsWithout([]));
  await repository.look();
  return repository;
};
const LATER = "s5";

/** The log's new lines, once it was compared with what is known. */
const newLines = async (repository: FollowedRepository, step: () => Promise<unknown>): Promise<string[]> => {
  const before = (await linesOf(repository)).length;
  await step();
  await repository.look();
  const lines = await linesOf(repository);
  assert.deepEqual([...replayRecords(parseLog(`${lines.join("\n")}\n`))], [...repository.tracker.state]);
  return lines.slice(before);
};

const placesOf = (repository: FollowedRepository, id: string): string[] =>
  (repository.tracker.state.get(id)?.where ?? []).map(({ place, ref, tok }) => `${place} ${ref} ${tok}`);

describe("a ref that moves under many snippets", function () {
  this.timeout(2 * DEADLINE_MS);

  it("is one record, and each snippet is told of", async () => {
    await using repository = await accepted();
    const { git, records } = repository;
    const nRecords = records.length;
    const lines = await newLines(repository, () => git("checkout", "-qb", "side"));
    assert.deepEqual(kindsOf(lines), ["head", "places"].slice(lines.length === 1 ? 1 : 0));
    for (const id of IDS)
      assert.deepEqual(placesOf(repository, id), ["head side 1", "default main 1", "branch main 1"]);
    const told = records.slice(nRecords).flatMap((record) => (record.kind === "snap" ? [record.sid] : []));
    assert.deepEqual(told, IDS);
    const back = await newLines(repository, () => git("checkout", "-q", "main"));
    assert.equal(back.filter((line) => line.includes('"sid"')).length, 0);
    for (const id of IDS)
      assert.deepEqual(placesOf(repository, id), ["head main 1", "default main 1", "branch side 1"]);
  });

  it("leaves out what goes another way", async () => {
    await using repository = await accepted();
    const { git } = repository;
    const lines = await newLines(repository, () => git("checkout", "-qb", "old", "HEAD~1"));
    // Where HEAD does not come to hold it, it has a record of its own.
    const own = lines.flatMap((line) => (JSON.parse(line) as { sid?: string }).sid ?? []);
    assert.deepEqual([...new Set(own)], [LATER]);
    for (const id of IDS) {
      const places = ["default main 1", "branch main 1"];
      assert.deepEqual(placesOf(repository, id), id === LATER ? places : ["head old 1", ...places]);
    }
    const back = await newLines(repository, () => git("checkout", "-q", "main"));
    // The name of its commit says where it stands now.
    assert.deepEqual(
      back.filter((line) => line.includes('"sid"')),
      [],
    );
    assert.deepEqual(placesOf(repository, LATER), ["head main 1", "default main 1"]);
    await newLines(repository, () => git("branch", "-q", "-D", "old"));
    for (const id of IDS) assert.deepEqual(placesOf(repository, id), ["head main 1", "default main 1"]);
  });

  it("keeps when each was shipped and committed first", async () => {
    await using repository = await accepted();
    const { git, tracker } = repository;
    const before = [...tracker.state.values()].map(({ sid, committedAt, shippedAt }) => ({
      sid,
      committedAt,
      shippedAt,
    }));
    await newLines(repository, () => git("checkout", "-qb", "side"));
    await newLines(repository, () => git("branch", "-q", "-m", "main", "old"));
    assert.deepEqual(placesOf(repository, "s0"), ["head side 1", "branch old 1"]);
    const after = [...tracker.state.values()].map(({ sid, committedAt, shippedAt }) => ({
      sid,
      committedAt,
      shippedAt,
    }));
    assert.deepEqual(after, before);
  });

  it("is forgotten with the snippets that it names", async () => {
    await using repository = await accepted();
    const { git } = repository;
    await newLines(repository, () => git("checkout", "-qb", "old", "HEAD~1"));
    const named = (await linesOf(repository)).filter(
      (line) => line.includes('"places"') && line.includes(`"${LATER}"`),
    );
    assert.equal(named.length, 1);
    await repository.tracker.forget(LATER);
    assert.equal((await repository.log()).includes(`"${LATER}"`), false);
    await newLines(repository, () => git("checkout", "-q", "main"));
    assert.equal(repository.tracker.state.size, N_SNIPPETS - 1);
  });

  it("P12 of code that repeats itself every part stands where it was accepted, whichever the commit finds first", async () => {
    await using repository = await followRepository();
    const loop = ["for (const item of items) {", "  total += item.price;", "  count += 1;", "}"];
    const lines = Array.from({ length: 40 }, (_, at) => loop[at % loop.length] as string);
    await repository.write("src/loops.ts", `${lines.join("\n")}\n`);
    for (let at = 0; at + 5 <= lines.length; at += 5)
      await repository.accept(String(at), "src/loops.ts", lines.slice(at, at + 5).join("\n"), at + 1);
    await repository.commit("accept");
    await repository.look();
    const head = [...repository.tracker.state.values()].map(({ sid, where }) => [
      sid,
      where.find(({ place }) => place === "head")?.tok,
    ]);
    assert.deepEqual(
      head,
      Array.from({ length: 8 }, (_, at) => [String(5 * at), 1]),
    );
  });
});
