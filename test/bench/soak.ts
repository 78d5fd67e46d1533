import type { Bench } from "./harness/report.ts";
import { soakFigures, WAL_BOUND_MIB } from "./soak/figures.ts";
import { soakPlan } from "./soak/plan.ts";
import { soak } from "./soak/soak.ts";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const DEFAULT_MINUTES = 30;

export const bench: Bench = {
  about: "a week of use in half an hour (--minutes): log, memory and descriptors of the server from outside",
  async run({ args, signal, say }) {
    const { values } = parseArgs({
      args: [...args],
      options: { minutes: { type: "string" }, samples: { type: "string" } },
    });
    const plan = soakPlan(Number(values.minutes ?? DEFAULT_MINUTES));
    const result = await soak(plan, { signal, say });
    if (values.samples !== undefined) writeFileSync(values.samples, JSON.stringify(result));
    const figures = soakFigures(result.samples, plan.warmUpSeconds, Math.min(60, plan.seconds / 30));
    return {
      metrics: {
        minutes: plan.seconds / 60,
        ...result.counts,
        "WAL at most, MiB": figures.walMaxMib,
        "resident memory, MiB": figures.rssMib,
        "sockets and pipes, spread": figures.otherSpread,
      },
      bars: [
        {
          name: "WAL beyond what a reader forces, MiB",
          value: figures.walBeyondMib,
          target: WAL_BOUND_MIB,
          want: "at-most",
        },
        { name: "WAL within its bound after a release, s", value: figures.walBackSeconds, target: 60, want: "at-most" },
        { name: "memory slope, MiB in 10 min", value: figures.rssSlope, target: 1, want: "at-most" },
        { name: "open files, spread", value: figures.filesSpread, target: 0, want: "at-most" },
        { name: "logs, MiB", value: figures.logMaxMib, target: 16, want: "at-most" },
      ],
      mustHold: [
        { name: "acknowledged events that are lost", value: result.nLost, target: 0, want: "at-most" },
        { name: "events that nobody acknowledged", value: result.nUnknown, target: 0, want: "at-most" },
        { name: "the ledger balances", value: Number(result.ledgerBalances), target: 1, want: "at-least" },
        { name: "the store is whole", value: Number(result.integrity === "ok"), target: 1, want: "at-least" },
      ],
    };
  },
};
