import assert from "node:assert/strict";
import { BASKET, FILLER, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";
import { commit, inDefault, lookAfter, NARROW, scenario, whole, WITH_SNIPPET } from "./scenario.ts";

describe("survival through moves and formats (D30 to D34)", () => {
  scenario(
    "D30 its file renamed",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        async () => {
          await repository.write("lib/.keep", "");
          await repository.git("mv", "a.ts", "lib/basket.ts");
          await repository.commit("rename");
        },
      ),
    { ...whole, files: ["lib/basket.ts"] },
  );
  scenario(
    "D31 its file renamed with nearly all else replaced",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () =>
          repository.commit("move", {
            "a.ts": null,
            "lib/prices.ts": `${OTHER}\n${SNIPPET}\n${OTHER.replaceAll("other", "more")}`,
          }),
      ),
    { ...whole, files: ["lib/prices.ts"] },
  );
  scenario(
    "D32 moved to another file",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("move", { "a.ts": BASKET, "b.ts": `${FILLER}\n${SNIPPET}` }),
      ),
    { ...whole, files: ["b.ts"] },
  );
  const copy = (repository: FollowedRepository) => repository.commit("copy", { "lib/c.ts": `${FILLER}\n${SNIPPET}` });
  scenario(
    "D32 copied to another file",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => copy(repository),
      ),
    { ...whole, files: ["a.ts", "lib/c.ts"] },
  );
  scenario(
    "D32 moved to another file in two commits, copied by one and taken out by a later one",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => copy(repository),
        () => repository.commit("between", { "b.ts": 'export const other = "value";\n' }),
        () => repository.restart(),
        () => repository.commit("drop", { "a.ts": BASKET }),
      ),
    { ...whole, files: ["lib/c.ts"], gains: 0 },
  );
  scenario(
    "D32 copied, and the copy taken out again",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => copy(repository),
        () => repository.commit("drop the copy", { "lib/c.ts": null }),
      ),
    { ...whole, files: ["a.ts"], gains: 0 },
  );
  scenario(
    "D32 copied, and then taken out in both places",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => copy(repository),
        () => repository.commit("drop the copy", { "lib/c.ts": null }),
        () => repository.commit("drop", { "a.ts": BASKET }),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["other"] },
  );
  scenario(
    "D33 moved and indented into a class with another first line",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => {
          const method = SNIPPET.replace("export function totalPrice", "priceOfAll").replaceAll(/^(?=.)/gm, "  ");
          return repository.commit("method", { "a.ts": BASKET, "b.ts": `class Cart {\n${method}}\n${FILLER}` });
        },
      ),
    { state: inDefault, tok: [0.9, 0.999], causes: ["other"] },
  );
  scenario(
    "D34 the whole repository reformatted",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () =>
          repository.commit("format", {
            "a.ts": `${BASKET.replaceAll("  ", "\t").replaceAll(";", "")}\n${NARROW.replaceAll("    ", "\t")}`,
            "b.ts": FILLER.replaceAll('"', "'"),
          }),
      ),
    whole,
  );
});

const OTHER = `${Array.from({ length: 60 }, (_, at) => `export const other${at} = compute(other, ${at});`).join("\n")}\n`;

describe("loss and its cause (D35, D36)", () => {
  scenario(
    "D35 reverted",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.git("revert", "--no-edit", "HEAD"),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["revert"] },
  );
  scenario(
    "D35 the revert reverted",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.git("revert", "--no-edit", "HEAD"),
        () => repository.git("revert", "--no-edit", "HEAD"),
      ),
    { ...whole, causes: ["revert"], gains: 1 },
  );
  const rewritten = (repository: FollowedRepository, message: string) =>
    lookAfter(
      repository,
      () => commit(repository),
      () => repository.commit(message, { "a.ts": `${BASKET}\n${REWRITTEN}` }),
    );
  scenario("D36 its body rewritten", (repository) => rewritten(repository, "Sum with the visitor"), {
    state: { kind: "dead" },
    tok: [0, 0.3],
    causes: ["other"],
  });
  scenario("D36 its body rewritten by a fix", (repository) => rewritten(repository, "fix: rounding of totals"), {
    state: { kind: "dead" },
    tok: [0, 0.3],
    causes: ["fix"],
  });
  const half = `${BASKET}\n${SNIPPET.split("\n").slice(0, 4).join("\n")}\n}\n`;
  scenario(
    "code like it written later, whether git or the work tree shows it",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("drop", { "a.ts": BASKET }),
        () => repository.commit("something like it", { "a.ts": half }),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["other"] },
  );
  scenario(
    "taken out, and written into the work tree again",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("drop", { "a.ts": BASKET }),
        () => repository.write("a.ts", WITH_SNIPPET),
        async () => repository.tracker.undone("s", false),
      ),
    { state: { kind: "alive", in: "worktree" }, tok: 1, causes: ["other"], gains: 1 },
  );
  scenario(
    "a deleted file",
    (repository) =>
      lookAfter(
        repository,
        () => commit(repository),
        () => repository.commit("drop", { "a.ts": null }),
      ),
    { state: { kind: "dead" }, tok: 0, causes: ["refactor"] },
  );
  it("code thrown away before it was committed", async () => {
    await using repository = await followRepository();
    await repository.write("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    await repository.look();
    await repository.git("checkout", "-q", "a.ts");
    const found = await repository.see();
    assert.equal(found.state.kind, "dead");
    assert.deepEqual(
      found.losses.map(({ cause }) => cause),
      ["quick_rewrite"],
    );
  });
});

const REWRITTEN = `export const totalPrice = memoize((basket) =>
  visit(basket, { sum: true, rounding: "bank", currency: basket.currency }),
);
`;

describe("survival of what little is accepted", () => {
  /** Parts of a line of which other lines of the file hold a copy. */
  for (const part of ["b.x, y: a.y + b.y };", "n + 1", "x", "return a;"]) {
    it(`"${part}" is found in the commit that holds it`, async () => {
      const lines = ["return { x: a.x + b.x, y: a.y + b.y };", "return n + 1;", "const x = 1;", "return a;"];
      const code = lines.map((line, i) => `export function f${i}(a, b, n) {\n  ${line}\n}\n`).join("\n");
      await using repository = await followRepository();
      await repository.write("b.ts", code);
      await repository.commit("before");
      await repository.write("b.ts", `${code}\nexport function g(a, b, n) {\n  return { x: a.x - ${part}\n}\n`);
      await repository.accept("s", "b.ts", part);
      await repository.look();
      await repository.commit("after");
      const { state, tok } = await repository.see();
      assert.deepEqual([state, tok], [inDefault, 1]);
    });
  }
});
