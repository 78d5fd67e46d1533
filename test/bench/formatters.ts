import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { createRandom, shuffle } from "../../core/statistics/random.ts";
import { syntaxOf } from "../../core/survival/markdown-text.ts";
import { retentionIn } from "../../core/survival/retention.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { pretty, prettierStyle } from "../support/survival/prettier-styles.ts";
import type { Bench } from "./harness/report.ts";

const DEFAULT_FILES = 200;
const DEFAULT_KINDS = "md,mdx,markdown";
const SNIPPET_LINES = 9;
const MIN_SNIPPET_CHARS = 20;
/** Larger files take seconds. */
const MAX_FILE_CHARS = 30_000;

interface Source {
  readonly name: string;
  read(): Promise<string>;
}

/**
 * Options: `--seed` (default 1) · `--files` that are drawn (default 200) · `--kinds` of names (default md,mdx,markdown) ·
 * `--folder` whose files are drawn (default node_modules), `--repo` whose HEAD is; both any number of times · `--show`
 * what is not retained.
 */
export const bench: Bench = {
  about: `snippets of ${SNIPPET_LINES} lines whose retention is not exactly 1 after Prettier, its configuration drawn at random`,
  async run({ args, signal, say }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: "1" },
        files: { type: "string", default: String(DEFAULT_FILES) },
        kinds: { type: "string", default: DEFAULT_KINDS },
        folder: { type: "string", multiple: true, default: [] },
        repo: { type: "string", multiple: true, default: [] },
        show: { type: "boolean", default: false },
      },
    });
    const seed = Number(values.seed);
    const kinds = values.kinds.split(",");
    const folders = values.folder.length + values.repo.length === 0 ? ["node_modules"] : values.folder;
    const sources = [...(await filesOf(folders, kinds)), ...(await headsOf(values.repo, kinds, signal))];
    const count = { files: 0, firstSnippets: 0, firstBelow: 0, laterSnippets: 0, laterBelow: 0 };
    const styles = fc.sample(prettierStyle, { seed, numRuns: 2 * sources.length });
    const check = (name: string, before: string, after: string): { nSnippets: number; nBelow: number } => {
      const found = { nSnippets: 0, nBelow: 0 };
      const retained = retentionIn(after);
      for (const snippet of snippetsOf(before)) {
        found.nSnippets += 1;
        if (retained(snippet, syntaxOf(name)) === 1) continue;
        found.nBelow += 1;
        if (values.show) say(`${name}:\n${snippet}\n`);
      }
      return found;
    };
    for (const [at, source] of shuffle(sources, createRandom(seed)).entries()) {
      if (count.files >= Number(values.files) || signal.aborted) break;
      const written = (await source.read()).replaceAll("\r\n", "\n");
      if (written.length > MAX_FILE_CHARS) continue;
      // Some are written in another tool's dialect, or in a language that Prettier has no parser for.
      const before = await pretty(written, source.name, { ...styles[2 * at], endOfLine: "lf" }).catch(() => null);
      if (before === null) continue;
      const first = check(source.name, written, before);
      const later = check(source.name, before, await pretty(before, source.name, styles[2 * at + 1] ?? {}));
      count.files += 1;
      count.firstSnippets += first.nSnippets;
      count.firstBelow += first.nBelow;
      count.laterSnippets += later.nSnippets;
      count.laterBelow += later.nBelow;
    }
    say(JSON.stringify({ seed, ...count }));
    return {
      metrics: { seed, ...count },
      bars: [
        { name: "below 1 when Prettier first meets them", value: count.firstBelow, target: 0, want: "at-most" },
        { name: "below 1 in another of its styles", value: count.laterBelow, target: 0, want: "at-most" },
      ],
    };
  },
};

const snippetsOf = (text: string): string[] => {
  const lines = text.split("\n");
  const found: string[] = [];
  for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
    const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
    if (snippet.trim().length >= MIN_SNIPPET_CHARS) found.push(snippet);
  }
  return found;
};

const filesOf = async (folders: readonly string[], kinds: readonly string[]): Promise<Source[]> => {
  const names: string[] = [];
  for (const folder of folders)
    for await (const name of glob(
      kinds.map((kind) => `**/*.${kind}`),
      { cwd: folder },
    ))
      names.push(path.join(folder, name));
  return names.sort().map((name) => ({ name, read: () => readFile(name, "utf8") }));
};

const headsOf = async (repos: readonly string[], kinds: readonly string[], signal: AbortSignal): Promise<Source[]> => {
  const sources: Source[] = [];
  for (const repo of repos) {
    const names = (await gitCommand(repo, ["ls-tree", "-r", "-z", "--name-only", "HEAD"], signal)).split("\0");
    for (const name of names.filter((one) => kinds.includes(path.extname(one).slice(1))))
      sources.push({ name: path.join(repo, name), read: () => gitCommand(repo, ["show", `HEAD:${name}`], signal) });
  }
  return sources;
};
