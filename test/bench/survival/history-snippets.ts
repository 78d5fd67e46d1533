import type { FileChange } from "../../../core/survival/file-change.ts";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import { openChanges } from "../../../tracker/commit-changes.ts";
import { isWrittenPath, languageOf } from "../../../tracker/mined-files.ts";
import type { CommitNode } from "../../../tracker/new-commits.ts";
import type { AcceptedSnippet } from "../../../tracker/tracker.ts";

const MIN_LINES = 2;
const MAX_LINES = 9;
const MIN_TOKENS = 10;
/** Longer lines are minified code or data, which no model suggests. */
const MAX_CHARS = 1_000;

/** Added lines of a history standing in for accepted code: at most `limit`, from the given commits on, oldest first. */
export const snippetsOfHistory = async (
  repo: string,
  nodes: readonly CommitNode[],
  limit: number,
  signal: AbortSignal,
): Promise<AcceptedSnippet[]> => {
  const isRead = (path: string): boolean => languageOf(path) !== null && isWrittenPath(path);
  using reader = openChanges(repo, signal, isRead);
  const found: AcceptedSnippet[] = [];
  const pairs = nodes.map(({ commit, parents }) => ({ commit, base: parents[0] ?? null }));
  let at = 0;
  for await (const { committedAt, changes } of reader.read(pairs)) {
    const head = pairs[at]?.base ?? null;
    at += 1;
    if (found.length >= limit) continue;
    for (const change of changes) {
      if (change.newPath === null || !isRead(change.newPath)) continue;
      for (const { text, line } of insertionsOf(change)) {
        const sid = String(found.length);
        if (found.length < limit)
          found.push({ sid, file: change.newPath, text, line, before: "", at: committedAt, head });
      }
    }
  }
  return found;
};

const insertionsOf = function* (change: FileChange): Generator<{ text: string; line: number }> {
  for (const hunk of change.hunks) {
    let line = hunk.newStart - 1;
    let block: string[] = [];
    for (const marked of [...hunk.lines(), " "]) {
      if (marked[0] !== "-") line += 1;
      if (marked[0] === "+" && block.length < MAX_LINES) {
        block.push(marked.slice(1));
        continue;
      }
      const text = block.join("\n");
      if (block.length >= MIN_LINES && text.length <= MAX_CHARS && countSignificantTokens(text) >= MIN_TOKENS)
        yield { text, line: line - block.length };
      block = marked[0] === "+" ? [marked.slice(1)] : [];
    }
  }
};
