import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { node24 } from "./vscode/install.ts";
import { setTimeout as delay } from "node:timers/promises";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** The longest block: one that trains, or installs, on a busy machine, milliseconds. */
const BLOCK_MS = 600_000;

/** The shell blocks of a section of a page of docs/, in order, without their indentation. */
export function shellBlocks(page: string, section: string): string[] {
  const text = readFileSync(path.join(ROOT, "docs", page), "utf8");
  const parts = text.split(/^## /m).filter((part) => part.startsWith(`${section}\n`));
  assert.equal(parts.length, 1, `${page} has one section ${section}`);
  return [...parts[0]!.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)].map(([, indent = "", block = ""]) =>
    block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}

/** A shell that a person has open: what one block exports, the next one has. */
export interface Terminal {
  /** Runs the next block of the page to its end, which has to be a success; answers what it said on stdout. */
  follow(change?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs the next block, one command that may end with several codes; answers which. */
  endsWith(codes: readonly number[]): Promise<number>;
  /** Runs the next block, which does not end: until `isUp` says that it does what it is for. */
  start(isUp: () => Promise<boolean>, change?: Readonly<Record<string, string>>): Promise<void>;
}

export interface FollowedPage extends AsyncDisposable {
  /** Home folder and working folder of the person. */
  readonly home: string;
  /** A terminal of this person, or of another one with a home folder of their own. */
  terminal(of?: string): Terminal;
  /** Leaves out the next block, which something else follows: `why` is for who reads the test. */
  skip(why: string): void;
  /** No block is left that nobody followed. */
  end(): void;
}

/**
 * Follows the shell blocks of a section as they stand, in bash, with a home folder of their own. `kept` is this
 * clone's; `programs` are scripts that stand for others. A block may be changed only in a text that it has: an id
 * that the page makes up, a token that a person gets elsewhere.
 */
export function followPage(
  page: string,
  section: string,
  place: {
    readonly home: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly programs?: Readonly<Record<string, string>>;
  },
): FollowedPage {
  const blocks = shellBlocks(page, section);
  const { home } = place;
  const bin = path.join(home, ".bin");
  mkdirSync(bin, { recursive: true });
  const programs = {
    kept: `#!/bin/sh\nexec "${node24}" "${path.join(ROOT, "server/cli.ts")}" "$@"\n`,
    ...place.programs,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), text);
    chmodSync(path.join(bin, name), 0o755);
  }
  const foreign = /^(KEPT_|XDG_|AWS_|HF_|LABEL_STUDIO_|MLFLOW_|npm_|PYTHON)/;
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !foreign.test(key))),
    HOME: home,
    PATH: `${bin}${path.delimiter}${process.env["PATH"]}`,
    ...place.env,
  };
  const shells: ChildProcess[] = [];
  let next = 0;

  const take = (change: Readonly<Record<string, string>>): { file: string; text: string } => {
    let text = blocks[next];
    assert.ok(text !== undefined, `${page}, ${section}: there is no block ${next + 1}`);
    for (const [from, to] of Object.entries(change)) {
      assert.ok(text.includes(from), `${page}: block ${next + 1} has no ${from}`);
      text = text.replaceAll(from, to);
    }
    const file = path.join(home, `.block-${next}.sh`);
    next += 1;
    writeFileSync(file, text);
    return { file, text };
  };

  return {
    home,
    terminal(of = home) {
      mkdirSync(of, { recursive: true });
      const shell = spawn("bash", ["--noprofile", "--norc", "-s"], {
        cwd: of,
        env: { ...env, HOME: of },
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
      });
      shells.push(shell);
      let said = "";
      let all = "";
      shell.stdout.on("data", (chunk: Buffer) => void ((said += chunk.toString()), (all += chunk.toString())));
      shell.stderr.on("data", (chunk: Buffer) => void (all += chunk.toString()));
      let ended = false;
      shell.once("exit", () => void (ended = true));
      shell.stdin.write("set -eo pipefail\n");
      const wait = async (what: string, isDone: () => Promise<boolean>): Promise<void> => {
        const late = AbortSignal.timeout(BLOCK_MS);
        while (!(await isDone())) {
          if (ended || late.aborted)
            throw new Error(`${page}: ${ended ? "failed" : "too late"}: ${what}\n${all.slice(-4_000)}`);
          await delay(50);
        }
      };
      return {
        async follow(change = {}) {
          const { file, text } = take(change);
          said = "";
          const mark = `--followed-${next}--`;
          shell.stdin.write(`. "${file}"\necho "${mark}"\n`);
          await wait(text, () => Promise.resolve(said.includes(mark)));
          return said.slice(0, said.indexOf(mark));
        },
        async endsWith(codes) {
          const { file, text } = take({});
          said = "";
          shell.stdin.write(`code=0; . "${file}" || code=$?\necho "--ended-$code--"\n`);
          const mark = /--ended-(\d+)--/;
          await wait(text, () => Promise.resolve(mark.test(said)));
          const code = Number(mark.exec(said)![1]);
          assert.ok(codes.includes(code), `${page}: ended with ${code}: ${text}\n${all.slice(-4_000)}`);
          return code;
        },
        async start(isUp, change = {}) {
          const { file, text } = take(change);
          shell.stdin.write(`. "${file}"\n`);
          await wait(text, isUp);
        },
      };
    },
    skip: () => void (next += 1),
    end: () => assert.equal(next, blocks.length, `${page}: blocks that nobody followed`),
    async [Symbol.asyncDispose]() {
      for (const shell of shells) {
        if (shell.exitCode !== null || shell.signalCode !== null) {
          endGroup(shell);
          continue;
        }
        const gone = new Promise((resolve) => shell.once("exit", resolve));
        endGroup(shell);
        await gone;
      }
    },
  };
}

/** What a block left in the background is of the shell's group too. */
function endGroup(shell: ChildProcess): void {
  try {
    process.kill(-shell.pid!, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Whether an address answers with success. */
export const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.ok;
    },
    () => false,
  );
