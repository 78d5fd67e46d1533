import path from "node:path";
import { parseArgs } from "node:util";
import { historyRows } from "../../server/datasets/history-rows.ts";
import type { Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");
const options = { repo: { type: "string", multiple: true, default: [] as string[] } } as const;

/**
 * `npm run bench -- mining [--repo <work tree>]...`: this repository unless one is named.
 * What a history's rows are by what became of their code, and what telling it costs.
 */
export const bench: Bench = {
  about: "good, bad and unknown rows of a git history, and the processor time of mining and following it",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const metrics: Record<string, number> = {};
    for (const repo of values.repo.length === 0 ? [root] : values.repo) {
      const name = path.basename(path.resolve(repo));
      const before = process.cpuUsage();
      const { rows } = await historyRows(repo, signal);
      const { user, system } = process.cpuUsage(before);
      const count = (key: string): void => void (metrics[key] = (metrics[key] ?? 0) + 1);
      for (const { id, good, weight, loss } of rows) {
        if (loss !== undefined && !good) count(`${name}.bad.${loss.cause}`);
        else count(`${name}.${weight === 0 ? "unknown" : id.endsWith(":instead") ? "instead" : "good"}`);
      }
      metrics[`${name}.processorSeconds`] = (user + system) / 1e6;
      say(`${name}: ${rows.length} rows`);
    }
    return { metrics, bars: [] };
  },
};
