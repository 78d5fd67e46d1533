import type { TrainingRun } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import type { DeployAnswer } from "../../protocol/model-file.ts";
import { appendFileSync } from "node:fs";

/** What a run or a deployment came to, for a job that waits for it. */
export type Outcome = "won" | "refused" | "nothing" | "failed" | "cancelled" | DeployAnswer["outcome"];

export function outcomeOf(run: TrainingRun): Outcome {
  if (run.error?.code === "nothing-to-learn") return "nothing";
  if (run.state === "failed") return "failed";
  if (run.state !== "succeeded") return "cancelled";
  if (run.evaluation === null) return "nothing";
  return run.evaluation.verdict === "promote" ? "won" : "refused";
}

/** Markdown of a run for a job's summary. */
export function describeRunInMarkdown(model: string, run: TrainingRun): string {
  const lines = [`## ${escaped(model)}: ${HEADINGS[outcomeOf(run)]}`, ""];
  const reason = run.error?.message ?? run.evaluation?.reason;
  if (reason !== undefined) lines.push(escaped(reason), "");
  const loss = run.trainLoss === null ? "–" : `${run.trainLoss.first.toFixed(3)} → ${run.trainLoss.last.toFixed(3)}`;
  lines.push(
    ...table(
      ["run", "strategy", "dataset", "version", "training loss"],
      [[run.id, run.strategy, run.datasetId ?? "–", run.versionId ?? "–", loss]],
    ),
  );
  if (run.evaluation !== null) lines.push(...evaluationLines(run.evaluation));
  return lines.join("\n") + "\n";
}

/** The same of a deployment. */
export function describeDeployInMarkdown(model: string, answer: DeployAnswer): string {
  const lines = [`## ${escaped(model)}: ${HEADINGS[answer.outcome]}`, "", escaped(answer.reason), ""];
  if (answer.version !== null) lines.push(`Version \`${answer.version}\`.`, "");
  if (answer.evaluation !== null) lines.push(...evaluationLines(answer.evaluation));
  return lines.join("\n") + "\n";
}

const HEADINGS: Readonly<Record<Outcome, string>> = {
  won: "a candidate that won the gate",
  refused: "refused by the gate",
  nothing: "nothing to learn",
  failed: "failed",
  cancelled: "cancelled",
  promoted: "promoted",
  trial: "on trial on a share of the suggestions",
  served: "serves already",
  none: "no candidate",
};

function evaluationLines(report: EvaluationReport): string[] {
  const { primary } = report;
  const percent = Math.round(primary.confidence * 100);
  const row = (name: string, { challenger, champion }: { challenger: number; champion: number }, digits: number) => [
    name,
    challenger.toFixed(digits),
    champion.toFixed(digits),
  ];
  return [
    "",
    `### Challenger \`${report.challenger}\` against \`${report.champion}\`, ${report.cases} later cases`,
    "",
    ...table(
      ["measure", "challenger", "champion"],
      [
        row("accepted@line", report.acceptedAtLine, 3),
        row("edit similarity", report.editSimilarity, 3),
        row("held-out loss, nats a token", report.heldOutLoss, 4),
        ...(report.lossAlone ? [row("the same of the model alone", report.lossAlone, 4)] : []),
      ],
    ),
    "",
    `Primary measure: ${primary.metric}, better by **${signed(primary.difference)}**, ${percent} % interval ${signed(primary.low)} to ${signed(primary.high)} (paired bootstrap, ${primary.resamples} resamples). Verdict: **${report.verdict}**.`,
    "",
    ...table(
      ["guard", "holds", "detail"],
      report.guards.map(({ name, holds, detail }) => [name, holds ? "yes" : "**no**", detail]),
    ),
  ];
}

const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [columns, columns.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cellText).join(" | ")} |`);

const cellText = (text: string): string => (/^[*-]/.test(text) ? text : escaped(text));

/** One line without what Markdown or HTML would take for their own. */
const escaped = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_[\]|#]/g, (letter) => `\\${letter}`);

const signed = (value: number): string => `${value >= 0 ? "+" : ""}${value.toFixed(4)}`;

/** Tells the job that this runs in: its summary, and outputs that later steps read. Forgejo has the same variables. */
export function tellJob(env: NodeJS.ProcessEnv, summary: string, outputs: Readonly<Record<string, string>>): void {
  const { GITHUB_STEP_SUMMARY: summaryFile, GITHUB_OUTPUT: outputFile } = env;
  if (summaryFile) appendFileSync(summaryFile, `${summary}\n`);
  if (outputFile)
    appendFileSync(
      outputFile,
      Object.entries(outputs)
        .map(([key, value]) => `${key}=${value.replaceAll(/[\r\n]+/g, " ")}\n`)
        .join(""),
    );
}
