import type { Command } from "commander";
import { type CanaryPage, canaryPage, canaryRow, canarySettings } from "../../protocol/canary.ts";
import { rows } from "../cli/arguments.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { print, table } from "../cli/output.ts";

/** Adds `kept canary …`. */
export function addCanaryCommands(program: Command, { connect }: CommandParts): void {
  const canary = program.command("canary").description("candidates on trial, and whether what serves became worse");
  canary
    .command("show", { isDefault: true })
    .description("trials, newest first")
    .option("--limit <rows>", "rows", rows, 5)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/canary?limit=${flags.limit}`, canaryPage);
      print(page, flags, () => pageText(page));
    });
  canary
    .command("start <version>")
    .description("try a version on a share of the suggestions")
    .option("--share <part>", "share of the suggestions, above 0 and at most 0.9", Number)
    .action(async (version: string, { share }: { share?: number }) => {
      const body = { version, ...(share === undefined ? {} : { share }) };
      const row = await (await connect()).send("POST", "/v1/canary", body, canaryRow);
      process.stderr.write(`${row.version} now makes ${percent(row.share)} of the suggestions.\n`);
    });
  canary
    .command("end")
    .description("take the candidate back, or with --keep make it the champion")
    .option("--keep", "make it the champion")
    .action(async ({ keep = false }: { keep?: boolean }) => {
      const row = await (await connect()).send("POST", "/v1/canary/end", { keep }, canaryRow);
      process.stderr.write(`${row.version}: ${row.state}.\n`);
    });
  canary
    .command("set")
    .description("how candidates that won the gate are tried")
    .option("--share <part>", "share of the suggestions; 0 promotes without a trial", Number)
    .option("--limit <outcomes>", "outcomes after which there is a decision without evidence", Number)
    .option("--first <yes-or-no>", "whether the first adapter is tried too")
    .action(async ({ share, limit, first }: { share?: number; limit?: number; first?: string }) => {
      const change = { share, limit, ...(first === undefined ? {} : { first: first === "yes" }) };
      const now = await (await connect()).send("PUT", "/v1/canary/settings", change, canarySettings);
      process.stderr.write(`${settingsText(now)}\n`);
    });
}

function pageText({ settings, canaries, filter, drift }: CanaryPage): string {
  const trials = table(
    ["version", "against", "share", "state", "shown", "taken", "harm", "gain", "why"],
    canaries.map((one) => [
      one.version,
      one.champion ?? "base",
      percent(one.share),
      one.state,
      `${one.arms.candidate.suggestions} / ${one.arms.champion.suggestions}`,
      `${one.arms.candidate.charactersEach.toFixed(1)} / ${one.arms.champion.charactersEach.toFixed(1)}`,
      one.harm.toPrecision(2),
      one.gain.toPrecision(2),
      one.reason,
    ]),
  );
  const served = drift.alarm
    ? "What serves is taken less than it was: it is time to train."
    : `What serves is taken as before (${drift.watched} suggestions since the first ${drift.reference}).`;
  return `${trials}\n${settingsText(settings)}\n${served}\nShow filter: ${filter ?? "not fitted yet"}.\n`;
}

const settingsText = ({ share, limit, first }: CanaryPage["settings"]): string =>
  share === 0
    ? "Candidates that win the gate are promoted at once."
    : `Candidates make ${percent(share)} of the suggestions, for at most ${limit} outcomes; the first adapter is ${first ? "tried too" : "promoted at once"}.`;

const percent = (share: number): string => `${Math.round(100 * share)} %`;
