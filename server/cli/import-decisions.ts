import type { Command } from "commander";
import { importPage, importRow, type ImportRow } from "../../protocol/imports.ts";
import { rows } from "./arguments.ts";
import type { CommandParts } from "./command-parts.ts";
import { print, table } from "./output.ts";

/** Adds `kept import list`, `accept` and `refuse`: whether what came from elsewhere may be learnt from. */
export function addImportDecisions(group: Command, { connect }: CommandParts): void {
  group
    .command("list")
    .description("what was imported, newest first, and whether it may be learnt from")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/imports?limit=${flags.limit}`, importPage);
      print(page, flags, () =>
        table(
          ["import", "kind", "name", "imported", "suggestions", "good", "bad", "state"],
          page.imports.map((one) => [
            one.id,
            one.kind,
            one.name,
            one.importedAt,
            one.suggestions,
            one.labels.good,
            one.labels.bad,
            stateOf(one),
          ]),
        ),
      );
    });
  group
    .command("accept <import>")
    .description("let what was imported into datasets and examples, under the cap of one person")
    .option("--mine", "it is your own, from another machine: no cap is on it")
    .option("--json", "print JSON")
    .action(async (id: string, flags: { mine?: boolean; json?: boolean }) => {
      const place = `/v1/imports/${encodeURIComponent(id)}/accept`;
      const row = await (await connect()).send("POST", place, { mine: flags.mine === true }, importRow);
      print(row, flags, () => describe(row));
    });
  group
    .command("refuse <import>")
    .description("keep what was imported out of everything that is learnt; kept forget deletes it")
    .option("--json", "print JSON")
    .action(async (id: string, flags: { json?: boolean }) => {
      const place = `/v1/imports/${encodeURIComponent(id)}/refuse`;
      const row = await (await connect()).send("POST", place, {}, importRow);
      print(row, flags, () => describe(row));
    });
}

const stateOf = ({ state, mine }: ImportRow): string => (mine ? `${state} as own` : state);

const describe = (row: ImportRow): string =>
  table(
    ["import", row.id],
    [
      ["name", row.name],
      ["state", stateOf(row)],
      ["suggestions", `${row.suggestions}: ${row.labels.good} good, ${row.labels.bad} bad`],
    ],
  );
