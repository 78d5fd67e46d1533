import type { Command } from "commander";
import { suggestionPage, why } from "../../protocol/api.ts";
import { rows } from "./arguments.ts";
import type { CommandParts } from "./command-parts.ts";
import { print, printable, table } from "./output.ts";

/** Adds `kept suggestions list`. */
export function addSuggestionsCommands(program: Command, { connect }: CommandParts): void {
  program
    .command("suggestions")
    .description("what was suggested and what became of it")
    .command("list")
    .description("suggestions, newest first")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/suggestions?limit=${flags.limit}`, suggestionPage);
      print(page, flags, () =>
        table(
          ["suggestion", "shown", "where", "outcome", "label", "text"],
          page.suggestions.map((s) => [
            s.id,
            s.shownAt,
            `${s.path}:${s.line + 1}`,
            s.outcome,
            s.label?.verdict,
            printable(s.completion).slice(0, 40),
          ]),
        ),
      );
    });
}

/** Adds `kept why`. */
export function addWhyCommand(program: Command, { connect }: CommandParts): void {
  program
    .command("why <id>")
    .description("everything that led to a suggestion")
    .option("--json", "print JSON")
    .action(async (id: string, flags: { json?: boolean }) => {
      const answer = await (await connect()).get(`/v1/suggestions/${encodeURIComponent(id)}/why`, why);
      print(answer, flags, () => {
        const { suggestion, adapter, examples, events } = answer;
        return table(
          ["suggestion", suggestion.id],
          [
            ["where", `${suggestion.path}:${suggestion.line + 1}`],
            ["text", suggestion.completion],
            ["adapter", adapter?.version ?? suggestion.model.adapter ?? "base model alone"],
            ...(adapter === null
              ? []
              : [["trained on", `${adapter.trainedOn} rows of dataset ${adapter.dataset} by run ${adapter.run}`]]),
            ["examples", examples.map((e) => `${e.path}${e.commit ? `@${e.commit.slice(0, 10)}` : ""}`).join(", ")],
            ["label", suggestion.label?.verdict],
            ...(suggestion.label?.reasons ?? []).map((r) => ["", `${r.lambda.toFixed(2)} ${r.signal}: ${r.detail}`]),
            ["events", events.map(({ kind }) => kind).join(" ")],
          ],
        );
      });
    });
}
