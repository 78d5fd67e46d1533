import { createCodeMemory } from "../generate/code-memory.ts";
import type { RepositoryMemory } from "../generate/generator.ts";
import { createExampleIndex, type ExampleIndex, type IndexedExample } from "../retrieve/example-index.ts";
import { createLineIndex } from "../retrieve/line-index.ts";

/** The examples that the engine serves with: an index to choose a few from, and each folder's as one memory. */
export interface ServedExamples extends Pick<ExampleIndex, "query"> {
  /**
   * Takes examples as all that there are, or beside those that there are; the last one counts as the newest.
   * Only what is new is read, a little at a time: suggestions go on meanwhile. One call after the other.
   */
  take(examples: readonly IndexedExample[], how: "replace" | "add"): Promise<void>;
  /** What the examples of a workspace folder say; null when it has none. */
  memoryOf(root: string): RepositoryMemory | null;
}

/** Examples read between two suggestions: a few milliseconds. */
const SLICE = 16;

export function createServedExamples(encode: (text: string) => number[]): ServedExamples {
  const index = createExampleIndex();
  const memories = new Map<string, RepositoryMemory>();
  const held = new Map<string, IndexedExample>();
  let working: Promise<unknown> = Promise.resolve();

  function remove(example: IndexedExample): void {
    held.delete(example.id);
    index.remove(example.id);
    const memory = memories.get(example.root);
    memory?.tokens.remove(example.id);
    memory?.lines.remove(example.id);
    if (memory?.tokens.size === 0) memories.delete(example.root);
  }

  function add(example: IndexedExample): void {
    const old = held.get(example.id);
    if (old && isSame(old, example)) return;
    if (old) remove(old);
    held.set(example.id, example);
    index.add(example);
    let memory = memories.get(example.root);
    if (memory === undefined) {
      memory = { tokens: createCodeMemory(), lines: createLineIndex() };
      memories.set(example.root, memory);
    }
    // A line's end belongs to what is remembered: after it nothing else is written.
    memory.tokens.add(example.id, encode(`${example.text}\n`));
    memory.lines.add(example.id, example.text, example.path);
  }

  async function take(examples: readonly IndexedExample[], how: "replace" | "add"): Promise<void> {
    if (how === "replace") {
      const kept = new Set(examples.map(({ id }) => id));
      for (const example of held.values()) if (!kept.has(example.id)) remove(example);
    }
    for (let from = 0; from < examples.length; from += SLICE) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const example of examples.slice(from, from + SLICE)) add(example);
    }
  }

  return {
    query: (query, limit) => index.query(query, limit),
    take(examples, how) {
      const turn = working.then(() => take(examples, how));
      working = turn.catch(() => undefined);
      return turn;
    },
    memoryOf: (root) => memories.get(root) ?? null,
  };
}

const isSame = (left: IndexedExample, right: IndexedExample): boolean =>
  left.text === right.text &&
  left.root === right.root &&
  left.path === right.path &&
  left.language === right.language &&
  left.suggestionId === right.suggestionId &&
  left.commit === right.commit;
