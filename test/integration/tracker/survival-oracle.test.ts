import assert from "node:assert/strict";
import { createRandom } from "../../../core/statistics/random.ts";
import { survivalInHead } from "../../../tracker/head-survival.ts";
import { createRepository, type TestRepository } from "./repository.ts";

/**
 * Random histories of lines whose words occur nowhere else: how many of a snippet's words HEAD holds can be
 * counted, and survival has to agree. Lines have eight words, so that a line is always longer than the runs
 * and the phrases that count as chance.
 */
const WORDS_PER_LINE = 8;
const SNIPPET_LINES = 6;
const N_HISTORIES = 8;
const N_STEPS = 5;

interface Tree {
  /** Lines by path. */
  readonly files: Map<string, string[]>;
  nLines: number;
}

const newLine = (tree: Tree): string => {
  tree.nLines += 1;
  return Array.from({ length: WORDS_PER_LINE }, (_, at) => `word${tree.nLines}x${at}`).join(" ");
};

type Step = (tree: Tree, random: () => number) => void;

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)] as T;

const STEPS: Readonly<Record<string, Step>> = {
  "insert lines"(tree, random) {
    const lines = pick([...tree.files.values()], random);
    const count = 1 + Math.floor(random() * 3);
    lines.splice(Math.floor(random() * (lines.length + 1)), 0, ...Array.from({ length: count }, () => newLine(tree)));
  },
  "delete lines"(tree, random) {
    const lines = pick([...tree.files.values()], random);
    lines.splice(Math.floor(random() * lines.length), 1 + Math.floor(random() * 2));
  },
  "move lines to another file"(tree, random) {
    const [from, to] = [pick([...tree.files.values()], random), pick([...tree.files.values()], random)];
    const moved = from.splice(Math.floor(random() * from.length), 1 + Math.floor(random() * 4));
    to.splice(Math.floor(random() * (to.length + 1)), 0, ...moved);
  },
  "rename a file"(tree, random) {
    const path = pick([...tree.files.keys()], random);
    const lines = tree.files.get(path) ?? [];
    tree.files.delete(path);
    tree.files.set(`renamed/${tree.nLines}-${path.replaceAll("/", "-")}`, lines);
  },
  "break lines"(tree, random) {
    const lines = pick([...tree.files.values()], random);
    lines.splice(0, lines.length, ...lines.flatMap((line) => line.split(/(?<=x3) /)));
  },
};

const commit = async (repository: TestRepository, tree: Tree, message: string): Promise<void> => {
  await repository.git("rm", "-q", "-r", "--ignore-unmatch", ".");
  for (const [path, lines] of tree.files) await repository.write(path, `${lines.join("\n")}\n`);
  await repository.commit(message);
};

const countWords = (text: string, wanted: ReadonlySet<string>): number =>
  text.split(/\s+/).filter((word) => wanted.has(word)).length;

describe("survivalInHead against counted words", () => {
  for (let seed = 1; seed <= N_HISTORIES; seed += 1) {
    it(`agrees along random history ${seed}`, async () => {
      await using repository = await createRepository();
      const random = createRandom(seed);
      const tree: Tree = { files: new Map(), nLines: 0 };
      for (const path of ["a.ts", "b.ts", "lib/c.ts"]) {
        tree.files.set(
          path,
          Array.from({ length: 12 }, () => newLine(tree)),
        );
      }
      const snippet = Array.from({ length: SNIPPET_LINES }, () => newLine(tree));
      tree.files.get("a.ts")?.splice(5, 0, ...snippet);
      const text = snippet.join("\n");
      const wanted = new Set(text.split(/\s+/));
      await commit(repository, tree, "start");
      const done: string[] = [];
      for (let step = 0; step < N_STEPS; step += 1) {
        const [name, apply] = pick(Object.entries(STEPS), random);
        apply(tree, random);
        done.push(name);
        await commit(repository, tree, name);
        const [found] = await survivalInHead({
          repo: repository.root,
          snippets: [{ id: "s", path: "a.ts", text }],
          signal: AbortSignal.timeout(15_000),
        });
        const perFile = [...tree.files.values()].map((lines) => countWords(lines.join("\n"), wanted));
        const expected = perFile.reduce((sum, count) => sum + count, 0) / wanted.size;
        const story = `after: ${done.join(", ")}; expected ${expected}, found ${found?.tokens}`;
        assert.ok(found !== undefined && found.tokens !== null, story);
        // Never more than there is; all of it when it lies in one file, or in the snippet's own and one other.
        assert.ok(found.tokens <= expected + 1e-9, `over-count ${story}`);
        const nHolding = perFile.filter((count) => count > 0).length;
        const own = countWords(tree.files.get("a.ts")?.join("\n") ?? "", wanted);
        if (nHolding <= 1 || (nHolding === 2 && own > 0)) {
          // A broken line can leave a piece of fewer than four words behind.
          assert.ok(found.tokens >= expected - 1e-9, `under-count ${story}`);
        }
      }
    });
  }
});
