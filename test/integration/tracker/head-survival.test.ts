import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type HeadSurvival, survivalInHead } from "../../../tracker/head-survival.ts";
import { createRepository, type TestRepository } from "./repository.ts";

const SNIPPET = `export function totalPrice(items: readonly Item[], discount: number): number {
  let total = 0;
  for (const item of items) {
    if (item.hidden) continue;
    total += item.price * item.quantity;
  }
  const reduced = total * (1 - discount);
  return Math.max(0, reduced);
}
`;

const REFORMATTED = `export function totalPrice(
    items: readonly Item[],
    discount: number,
): number {
    let total = 0
    for (const item of items) {
        if (item.hidden) continue
        total += item.price * item.quantity
    }
    const reduced = total * (1 - discount)
    return Math.max(
        0,
        reduced
    )
}
`;

const OTHER = `import { Item } from "./item";

export class Basket {
  readonly content: Item[] = [];
  add(item: Item): void {
    this.content.push(item);
  }
}
`;

const FILLER = Array.from({ length: 40 }, (_, at) => `export const setting${at} = "value ${at}";`).join("\n");

interface Expected {
  readonly place: HeadSurvival["place"];
  /** Exact fraction, or an open range. */
  readonly tokens: number | null | readonly [number, number];
}

/** Commits the snippet in `a.ts`, does the steps, and compares where it is found. */
const check = (name: string, steps: (repository: TestRepository) => Promise<unknown>, expected: Expected): void => {
  it(name, async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": OTHER, "b.ts": FILLER });
    await repository.commit("accept", { "a.ts": `${OTHER}\n${SNIPPET}` });
    await steps(repository);
    const [found] = await ask(repository.root);
    assert.ok(found);
    assert.equal(found.place, expected.place);
    if (typeof expected.tokens === "object" && expected.tokens !== null) {
      const [low, high] = expected.tokens;
      assert.ok(found.tokens !== null && found.tokens > low && found.tokens < high, `tokens are ${found.tokens}`);
    } else {
      assert.equal(found.tokens, expected.tokens);
    }
    if (expected.place !== "unknown") assert.equal(found.commit, await repository.git("rev-parse", "HEAD"));
  });
};

const ask = (repo: string, path = "a.ts", text = SNIPPET): Promise<HeadSurvival[]> =>
  survivalInHead({ repo, snippets: [{ id: "s", path, text }], signal: AbortSignal.timeout(15_000) });

describe("survivalInHead", () => {
  const whole: Expected = { place: "head", tokens: 1 };

  check("finds committed code", async () => {}, whole);
  check(
    "finds it after lines were inserted above by an amend",
    async (repository) => {
      await repository.write("a.ts", `// A note\n${FILLER}\n${OTHER}\n${SNIPPET}`);
      await repository.git("commit", "-qa", "--amend", "-m", "accept and note");
    },
    whole,
  );
  check(
    "finds it after the message alone was amended",
    (repository) => repository.git("commit", "-q", "--amend", "-m", "other words"),
    whole,
  );
  check("finds it after a rename", (repository) => moved(repository, "a.ts", "lib/basket.ts"), whole);
  check(
    "finds it after a rename with other content",
    (repository) => repository.commit("move", { "a.ts": null, "lib/prices.ts": `${FILLER}\n${SNIPPET}\n${FILLER}` }),
    whole,
  );
  check(
    "finds it moved to another file",
    (repository) => repository.commit("move", { "a.ts": OTHER, "b.ts": `${FILLER}\n${SNIPPET}` }),
    whole,
  );
  check(
    "adds up what stayed and what moved to another file",
    (repository) => {
      const lines = SNIPPET.split("\n");
      const [stays, moves] = [lines.slice(0, 4).join("\n"), lines.slice(4).join("\n")];
      return repository.commit("split", { "a.ts": `${OTHER}\n${stays}\n`, "b.ts": `${FILLER}\n${moves}\n` });
    },
    whole,
  );
  check(
    "finds it indented into a class with another first line",
    (repository) =>
      repository.commit("method", {
        "a.ts": `class Cart {\n${SNIPPET.replace("export function totalPrice", "  price").replaceAll("\n", "\n  ")}\n}\n`,
      }),
    { place: "head", tokens: [0.9, 1] },
  );
  check(
    "counts it whole after reformatting",
    (repository) => repository.commit("format", { "a.ts": `${OTHER}\n${REFORMATTED}` }),
    whole,
  );
  check(
    "counts it whole with Windows line ends",
    (repository) => repository.commit("crlf", { "a.ts": `${OTHER}\n${SNIPPET}`.replaceAll("\n", "\r\n") }),
    whole,
  );
  check(
    "counts what is left after a part was rewritten",
    (repository) =>
      repository.commit("rewrite", {
        "a.ts": `${OTHER}\n${SNIPPET.replace(/ {2}let total[^]*?\n {2}\}\n/, "  const total = sumOf(items, visible);\n")}`,
      }),
    { place: "head", tokens: [0.4, 0.8] },
  );
  check("sees it deleted", (repository) => repository.commit("delete", { "a.ts": OTHER }), {
    place: "nowhere",
    tokens: 0,
  });
  check("sees its file deleted", (repository) => repository.commit("delete", { "a.ts": null }), {
    place: "nowhere",
    tokens: 0,
  });
  check("sees it reverted", (repository) => repository.git("revert", "--no-edit", "HEAD"), {
    place: "nowhere",
    tokens: 0,
  });
  check(
    "finds it again after the revert was reverted",
    async (repository) => {
      await repository.git("revert", "--no-edit", "HEAD");
      await repository.git("revert", "--no-edit", "HEAD");
    },
    whole,
  );
  check(
    "finds it on its branch from another one",
    (repository) => repository.git("checkout", "-qb", "other", "HEAD~1"),
    {
      place: "elsewhere",
      tokens: 1,
    },
  );
  check(
    "finds it in the working tree before it is committed again",
    (repository) => repository.git("reset", "-q", "--soft", "HEAD~1"),
    { place: "elsewhere", tokens: 1 },
  );
  check(
    "finds it in a stash",
    async (repository) => {
      await repository.git("reset", "-q", "--mixed", "HEAD~1");
      await repository.git("stash", "-q");
    },
    { place: "elsewhere", tokens: 1 },
  );
  check(
    "finds it after a squash merge with its branch deleted",
    async (repository) => {
      await repository.git("checkout", "-q", "-b", "base", "HEAD~1");
      await repository.git("merge", "-q", "--squash", "main");
      await repository.git("commit", "-qm", "squashed");
      await repository.git("branch", "-qD", "main");
    },
    whole,
  );
  check(
    "finds it after a rebase onto moved ground",
    async (repository) => {
      await repository.git("checkout", "-q", "-b", "base", "HEAD~1");
      await repository.commit("ground", { "c.ts": FILLER });
      await repository.git("rebase", "-q", "base", "main");
    },
    whole,
  );
  check(
    "is not sure about a detached and pruned history",
    async (repository) => {
      const blob = await repository.git("rev-parse", "HEAD:a.ts");
      await rm(join(repository.root, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
      await repository.git("rev-parse", "HEAD");
      await rm(join(repository.root, "a.ts"));
    },
    { place: "unknown", tokens: null },
  );

  it("answers for many snippets in their order", async () => {
    await using repository = await createRepository();
    const texts = Array.from(
      { length: 30 },
      (_, at) => `export const parse${at} = (input) => read${at}(input, ${at});\n`,
    );
    await repository.commit("all", { "a.ts": texts.slice(0, 15).join(""), "b.ts": texts.slice(15).join("") });
    const found = await survivalInHead({
      repo: repository.root,
      snippets: texts.map((text, at) => ({ id: `${at}`, path: "a.ts", text })),
      signal: AbortSignal.timeout(15_000),
    });
    assert.deepEqual(
      found.map(({ id, tokens, place }) => ({ id, tokens, place })),
      texts.map((_, at) => ({ id: `${at}`, tokens: 1, place: "head" })),
    );
  });

  it("starts five git processes at most, however many snippets are asked for", async () => {
    await using repository = await createRepository();
    const count = 200;
    const lines = (stem: string) =>
      Array.from({ length: count }, (_, at) => `export const ${stem}Number${at} = compute(${stem}Input${at}, ${at});`);
    await repository.commit("all", { "a.ts": lines("kept").join("\n"), "b.ts": lines("moved").join("\n") });
    const snippets = [...lines("kept"), ...lines("moved"), ...lines("deleted")].map((text, at) => ({
      id: `${at}`,
      path: at % 3 === 0 ? "gone.ts" : "a.ts",
      text,
    }));
    const { nProcesses, result } = await countingGit(() =>
      survivalInHead({ repo: repository.root, snippets, signal: AbortSignal.timeout(15_000) }),
    );
    assert.deepEqual(
      result.map(({ place }) => place),
      snippets.map((_, at) => (at < 2 * count ? "head" : "nowhere")),
    );
    assert.ok(nProcesses >= 2 && nProcesses <= 5, `${nProcesses} processes`);
  });

  it("does not take a short phrase in another file for moved code", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": OTHER, "b.ts": "return list[0];\n" });
    const [found] = await ask(repository.root, "a.ts", "return list[0];");
    assert.deepEqual([found?.place, found?.tokens], ["nowhere", 0]);
    const [homeless] = await ask(repository.root, "gone.ts", "return list[0];");
    assert.equal(homeless?.place, "unknown");
  });

  it("takes paths relative to a folder inside the repository", async () => {
    await using repository = await createRepository();
    await repository.commit("packages", { "packages/one/a.ts": OTHER, "packages/two/b.ts": SNIPPET });
    const folder = join(repository.root, "packages", "one");
    const [outside] = await ask(folder);
    assert.deepEqual([outside?.place, outside?.tokens], ["head", 1]);
    const [inside] = await ask(join(repository.root, "packages", "two"), "b.ts");
    assert.deepEqual([inside?.place, inside?.tokens], ["head", 1]);
  });

  it("looks in a linked work tree's own HEAD", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": OTHER });
    await repository.git("worktree", "add", "-q", "-b", "side", "linked");
    await repository.git("-C", "linked", "rev-parse", "HEAD");
    await repository.write("linked/a.ts", SNIPPET);
    await repository.git("-C", "linked", "commit", "-qam", "side");
    const [found] = await ask(join(repository.root, "linked"));
    assert.deepEqual([found?.place, found?.tokens], ["head", 1]);
  });

  for (const [name, init] of [
    ["a folder that is no repository", null],
    ["a repository without commits", []],
  ] as const) {
    it(`does not know about ${name}`, async () => {
      await using repository = await createRepository({ init: init === null ? null : [...init] });
      await repository.write("a.ts", SNIPPET);
      assert.deepEqual(await ask(repository.root), [{ id: "s", tokens: null, place: "unknown", commit: null }]);
    });
  }

  it("does not know about a folder that is gone", async () => {
    const [found] = await ask("/nonexistent/kept");
    assert.equal(found?.place, "unknown");
  });

  it("does not leave the folder for a path that climbs out", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": SNIPPET });
    const [found] = await ask(repository.root, "../a.ts");
    assert.equal(found?.place, "unknown");
  });

  it("finds a file whose name has spaces and letters of other scripts", async () => {
    await using repository = await createRepository();
    const path = "préis und größe/a b.ts";
    await repository.commit("names", { [path]: SNIPPET });
    const [found] = await ask(repository.root, path);
    assert.deepEqual([found?.place, found?.tokens], ["head", 1]);
  });

  it("ends with git-aborted when it is stopped", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": SNIPPET });
    const question = { repo: repository.root, snippets: [{ id: "s", path: "a.ts", text: SNIPPET }] };
    await assert.rejects(survivalInHead({ ...question, signal: AbortSignal.abort() }), { code: "git-aborted" });
  });

  it("leaves every byte of the repository as it was, against hostile settings", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": SNIPPET });
    await repository.git("config", "core.fsmonitor", "touch fsmonitor-ran");
    await repository.git("config", "diff.external", "touch external-ran");
    await repository.git("config", "color.ui", "always");
    await repository.git("config", "grep.lineNumber", "true");
    await repository.write("a.ts", `${OTHER}${SNIPPET}`);
    const before = await contents(repository.root);
    const [found] = await ask(repository.root);
    assert.deepEqual([found?.place, found?.tokens], ["head", 1]);
    assert.deepEqual(await contents(repository.root), before);
  });
});

/** Counts starts of git through a stand-in on the PATH that notes each and runs the real one. */
const countingGit = async <T>(work: () => Promise<T>): Promise<{ nProcesses: number; result: T }> => {
  const folder = await mkdtemp(join(tmpdir(), "kept-count-"));
  const path = process.env["PATH"] ?? "";
  try {
    const script = `#!/bin/sh\necho started >> '${folder}/log'\nPATH='${path}' exec git "$@"\n`;
    await writeFile(join(folder, "git"), script, { mode: 0o755 });
    process.env["PATH"] = `${folder}${delimiter}${path}`;
    const result = await work();
    return { nProcesses: (await readFile(join(folder, "log"), "utf8")).trim().split("\n").length, result };
  } finally {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  }
};

const moved = async (repository: TestRepository, from: string, to: string): Promise<void> => {
  await repository.write(`${to}.keep`, "");
  await repository.git("mv", from, to);
  await repository.commit("rename");
};

/** Hash and modification time of every file, `.git` included. */
const contents = async (root: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mtimeMs } = await stat(path);
    found[path] = `${createHash("sha256")
      .update(await readFile(path))
      .digest("hex")} ${mtimeMs}`;
  }
  return found;
};
