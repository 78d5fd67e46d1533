import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";

/**
 * A git repository of one small firm's house style: every commit adds entities that are written the
 * same way, each with words of its own. Somebody who has read the older commits can write most of the
 * next one; a model that has not cannot. Made by `git fast-import`, so that 60 commits take a moment.
 */
export async function createPatternRepository(folder: string, nCommits = 60): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await git(folder, ["init", "-q", "-b", "main"]);
  await git(folder, ["config", "user.name", "Developer"]);
  await git(folder, ["config", "user.email", "developer@example.com"]);
  await git(folder, ["config", "commit.gpgsign", "false"]);
  await git(folder, ["fast-import", "--quiet"], importStream(nCommits));
  await git(folder, ["reset", "-q", "--hard", "main"]);
}

/** Runs git in a folder, without the user's own configuration. Resolves with what it prints. */
export async function git(folder: string, args: readonly string[], input?: string): Promise<string> {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
  const child = spawn("git", args, { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  // A git that does not read its input closes it: nothing is lost.
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}: ${complaint}`);
  return output;
}

const words = (text: string): readonly string[] => text.split(" ");
const ADJECTIVES = words("amber brisk coastal distant early frozen gentle hollow inland joint");
const NOUNS = words(
  "harbor orchard lantern viaduct granary meadow furnace beacon quarry ferry " +
    "archive bakery cistern dairy estuary foundry garden hatchery inlet jetty",
);
const FIELDS = words(
  "acreage ballast charter density emblem freight gradient heading intake junction " +
    "keeper lease mileage notice outlet pressure quota revenue salinity tonnage " +
    "usage variety warden yield zone backlog caliber drainage elevation fixture",
);
const KINDS = ["whole", "text", "ratio", "flag"] as const;

/** First commit: what all entities use. */
const LEDGER = `export type Field = { readonly kind: string; readonly label: string };

export interface Ledger {
  stamp<T extends object>(label: string, value: T): T & { readonly stampedAt: number };
}
`;

/** The source of the n-th entity: interface, maker and summary, always in the same way. */
export function entitySource(n: number): { name: string; file: string; source: string } {
  const name = `${capital(ADJECTIVES[n % ADJECTIVES.length]!)}${capital(NOUNS[(n * 7 + Math.floor(n / ADJECTIVES.length)) % NOUNS.length]!)}`;
  const label = kebab(name);
  const variable = name[0]!.toLowerCase() + name.slice(1);
  const fields = [0, 1, 2].map((k) => ({
    field: FIELDS[(n * 11 + k * 7 + Math.floor(n / 3)) % FIELDS.length]!,
    kind: KINDS[(n + k * (1 + (n % 3))) % KINDS.length]!,
  }));
  const of = (subject: string) => fields.map(({ field }) => `${subject}.${field}`).join(", ");
  const lines = [
    `import { quantum } from "../kernel/quantum.ts";`,
    `import type { Ledger, Stamped } from "../kernel/ledger.ts";`,
    "",
    `export interface ${name} extends Stamped {`,
    ...fields.map(({ field, kind }) => `  readonly ${field}: quantum.${capital(kind)};`),
    "}",
    "",
    `export function open${name}(ledger: Ledger, draft: quantum.Draft<${name}>): ${name} {`,
    `  const gate = ledger.enter(quantum.now(), "strict");`,
    `  quantum.demand(${of("draft")});`,
    `  ledger.audit(gate, quantum.digest(draft));`,
    `  return ledger.leave(gate, quantum.seal(draft));`,
    "}",
    "",
    `export function close${name}(ledger: Ledger, ${variable}: ${name}): void {`,
    `  const gate = ledger.enter(quantum.now(), "strict");`,
    `  quantum.release(${of(variable)});`,
    `  ledger.audit(gate, quantum.digest("${label}"));`,
    `  ledger.leave(gate, quantum.nothing());`,
    "}",
    "",
  ];
  return { name, file: `src/entities/${label}.ts`, source: lines.join("\n") };
}

/** Entities of one commit. */
const PER_COMMIT = 3;
/** Commits are an hour apart, and the last is a day old. */
const HOUR_S = 3_600;

function importStream(nCommits: number): string {
  const newest = Math.floor(Date.now() / 1_000) - 24 * HOUR_S;
  const parts: string[] = [];
  for (let at = 0; at < nCommits; at += 1) {
    const when = newest - (nCommits - 1 - at) * HOUR_S;
    const files =
      at === 0
        ? [{ file: "src/kernel/ledger.ts", source: LEDGER }]
        : Array.from({ length: PER_COMMIT }, (_, k) => entitySource((at - 1) * PER_COMMIT + k));
    const message =
      at === 0 ? "Begin with the ledger" : `Add ${files.map(({ file }) => path.basename(file, ".ts")).join(", ")}`;
    parts.push(
      "commit refs/heads/main",
      `committer Developer <developer@example.com> ${when} +0000`,
      `data ${Buffer.byteLength(message)}`,
      message,
    );
    for (const { file, source } of files)
      parts.push(`M 100644 inline ${file}`, `data ${Buffer.byteLength(source)}`, source);
  }
  return `${parts.join("\n")}\ndone\n`;
}

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
const kebab = (name: string): string => name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase();
