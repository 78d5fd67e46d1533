import type { Command } from "commander";
import { labelVersion, type LabelVersionRow, labelVersions } from "../../protocol/labels.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { print, table } from "../cli/output.ts";

/** Adds `kept labels …`. */
export function addLabelsCommand(program: Command, { connect }: CommandParts): void {
  const labels = program.command("labels").description("what the signals of a label are worth");
  labels
    .command("list")
    .description("the weights in use, and the refits, newest first")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const page = await (await connect()).get("/v1/labels/versions", labelVersions);
      print(page, flags, () => {
        const versions = [
          ...page.versions.map((one) => [one.version, one.createdAt, gainText(one), one.usable ? "" : "out of date"]),
          [page.shipped, "as shipped", "", ""],
        ].map(([version = "", ...rest]) => [version === page.inUse ? `${version} *` : version, ...rest]);
        return `${table(["version", "made", "Brier score", ""], versions)}* in use. ${page.verdicts} human verdicts; a refit needs ${page.needed}.\n`;
      });
    });
  labels
    .command("refit")
    .description("fit the weights to your own verdicts, and say whether that foretells them better")
    .option("--use", "make labels with them from now on")
    .option("--json", "print JSON")
    .addHelpText("after", "\nWithout --use nothing changes: `kept labels use <version>` decides later.\n")
    .action(async (flags: { use?: boolean; json?: boolean }) => {
      const body = { use: flags.use === true };
      const made = await (await connect()).send("POST", "/v1/labels/refit", body, labelVersion);
      print(made, flags, () => reportText(made));
    });
  labels
    .command("use <version>")
    .description("make every label anew with these weights; the shipped version undoes a refit")
    .option("--json", "print JSON")
    .action(async (version: string, flags: { json?: boolean }) => {
      const page = await (await connect()).send("PUT", "/v1/labels/versions", { version }, labelVersions);
      print(page, flags, () => `Labels are made with version ${page.inUse}.\n`);
    });
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${value.toFixed(2)}`;

const gainText = ({ report: { before, after } }: LabelVersionRow): string =>
  `${before.brier.toFixed(4)} → ${after.brier.toFixed(4)}`;

function reportText({ version, report }: LabelVersionRow): string {
  const { gain, before, after } = report;
  const weights = table(
    ["signal", "before", "after", "verdicts"],
    report.weights.map((one) => [one.name, signed(one.before), signed(one.after), one.cases]),
  );
  const bins = table(
    ["foretold", "came true", "interval", "verdicts"],
    after.bins.map((one) => [
      one.predicted.toFixed(2),
      one.observed.toFixed(2),
      `${one.low.toFixed(2)} to ${one.high.toFixed(2)}`,
      one.cases,
    ]),
  );
  const verdict =
    gain.low > 0
      ? "It foretells them better."
      : gain.high < 0
        ? "It foretells them worse."
        : "There is no evidence of a gain.";
  return `${weights}\n${bins}
Version ${version}, from ${report.verdicts} verdicts (${report.good} good, ${report.withSignals} with other signals).
Brier score ${before.brier.toFixed(4)} before and ${after.brier.toFixed(4)} after, on verdicts it was not fitted to; gain ${gain.difference.toFixed(4)}, 95 % interval ${gain.low.toFixed(4)} to ${gain.high.toFixed(4)}. ${verdict}
`;
}
