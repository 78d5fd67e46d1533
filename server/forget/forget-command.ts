import { forgetOperation, forgetPage, type ForgetOperation, type ForgetScope } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import type { Command } from "commander";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { v7 as uuidv7 } from "uuid";

interface ForgetFlags {
  yes?: boolean;
  json?: boolean;
}

interface CommandParts {
  readonly connect: () => Promise<ServerClient>;
  readonly setExit: (code: number) => void;
}

/** `kept forget …`: deletes what was recorded, for good, after a yes. */
export function addForgetCommand(program: Command, { connect, setExit }: CommandParts): void {
  const forget = program.command("forget").description("delete what was recorded, for good");
  const add = <A extends unknown[]>(signature: string, about: string, scopeOf: (...args: A) => ForgetScope) =>
    forget
      .command(signature)
      .description(about)
      .option("--yes", "do it without asking")
      .option("--json", "print JSON")
      .action(async (...args: unknown[]) => {
        const flags = args.at(-2) as ForgetFlags;
        const scope = scopeOf(...(args.slice(0, -1) as A));
        if (flags.yes !== true && !(await isSure(about))) {
          process.stderr.write("Nothing was deleted. Pass --yes to do it without a question.\n");
          return setExit(EXIT.usage);
        }
        const request = { id: uuidv7(), requestedAtMs: Date.now(), scope };
        const operation = await (await connect()).send("POST", "/v1/forget", request, forgetOperation);
        print(operation, flags, () => describe(operation));
      });

  add("suggestion <ids...>", "delete suggestions, their events, labels and examples", (ids: string[]) => ({
    kind: "suggestions",
    ids,
  }));
  add<[string[], { root?: string }]>(
    "file <paths...>",
    "delete everything recorded of files",
    (paths, { root = process.cwd() }) => ({
      kind: "files",
      files: paths.map((name) => ({
        root: path.resolve(root),
        path: path.relative(path.resolve(root), path.resolve(root, name)).split(path.sep).join("/"),
      })),
    }),
  ).option("--root <folder>", "workspace folder that the paths lie in (default: this folder)");
  add("folder <paths...>", "delete everything recorded of workspace folders", (paths: string[]) => ({
    kind: "folders",
    roots: paths.map((folder) => path.resolve(folder)),
  }));
  add(
    "last <duration>",
    "delete what was recorded in the last minutes, hours or days, as in 30m, 1h or 2d",
    (text: string) => {
      const now = Date.now();
      return { kind: "time", fromMs: Math.max(0, now - durationMs(text, forget)), toMs: now };
    },
  );
  add("everything", "delete everything that was ever recorded", () => ({ kind: "everything" }));

  forget
    .command("list")
    .description("what was forgotten, and the versions that were trained on it")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const page = await (await connect()).get("/v1/forget?limit=100", forgetPage);
      print(page, flags, () =>
        [
          table(
            ["forgotten", "requested", "state", "suggestions", "events", "datasets"],
            page.operations.map((o) => [o.kind, o.requestedAt, o.state, o.suggestions, o.events, o.datasets.length]),
          ),
          table(
            ["tainted version", "dataset", "serves as"],
            page.taintedVersions.map((v) => [v.version, v.dataset, v.aliases.join(" ")]),
          ),
        ].join("\n"),
      );
    });
}

/** Asks on a terminal; anywhere else the answer is no. */
async function isSure(about: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`This will ${about}. There is no way back. Go on? [y/N] `);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationMs(text: string, command: Command): number {
  const match = /^(\d{1,6})([mhd])$/.exec(text);
  const unit = UNITS_MS[match?.[2] ?? ""];
  if (!match || unit === undefined) command.error("error: a duration looks like 30m, 1h or 2d");
  return Number(match[1]) * unit;
}

const describe = (operation: ForgetOperation): string =>
  table(
    ["forgotten", operation.kind],
    [
      ["suggestions", operation.suggestions],
      ["events", operation.events],
      ["copies in other events", operation.scrubbed],
      ["datasets", operation.datasets.join(" ") || "none"],
      ["versions trained on them", operation.taintedVersions.join(" ") || "none"],
    ],
  );
