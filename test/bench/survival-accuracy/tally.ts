import { pairedBootstrap } from "../../../core/statistics/bootstrap.ts";
import type { Fate } from "./truth.ts";

/** What each measure gave: a share of 0 to 1. */
export type Verdicts = Readonly<Record<string, number>>;

export interface Tally {
  add(one: Case): void;
  /** Counts so far, in one line. */
  line(): string;
  metrics(): Record<string, number>;
  /** The table as Markdown lines. */
  table(): string[];
}

/** From a half on the insertion is called alive: the event of survival.md section 2.1. */
const ALIVE_FROM = 0.5;
const MOVED: ReadonlySet<Fate> = new Set(["moved-file", "moved-inside", "moved-across"]);

/** Deleted, if a line that kept half of its words, or came back, is a deleted line. */
const GONE: ReadonlySet<Fate> = new Set(["deleted", "reworded", "restored"]);

export interface Case {
  readonly repository: string;
  readonly fate: Fate;
  /** Fate before code in other files, and edited code, was looked for. */
  readonly byBlame: Fate;
  readonly verdicts: Verdicts;
}

export const createTally = (): Tally => {
  const cases: Case[] = [];
  const among = (isIn: (one: Case) => boolean): Case[] => cases.filter(isIn);
  const deleted = (): Case[] => among(({ fate }) => fate === "deleted");
  const gone = (): Case[] => among(({ fate }) => GONE.has(fate));
  const moved = (): Case[] => among(({ fate }) => MOVED.has(fate));
  const untouched = (): Case[] => among(({ fate }) => fate === "untouched");

  const metrics = (): Record<string, number> => {
    const found: Record<string, number> = {
      repositories: new Set(cases.map(({ repository }) => repository)).size,
      insertions: cases.length,
      "n.deleted": deleted().length,
      "n.gone": gone().length,
      "n.deletedByBlameAlone": among(({ byBlame }) => byBlame === "deleted").length,
      "n.moved": moved().length,
      "n.untouched": untouched().length,
      "n.partial": among(({ fate }) => fate === "partial").length,
      "n.rewritten": among(({ fate }) => fate === "rewritten").length,
      "n.reworded": among(({ fate }) => fate === "reworded").length,
      "n.restored": among(({ fate }) => fate === "restored").length,
    };
    for (const kind of MOVED) found[`n.${kind}`] = among(({ fate }) => fate === kind).length;
    for (const measure of Object.keys(cases[0]?.verdicts ?? {})) {
      found[`${measure}.deletedAlive`] = aliveShare(deleted(), measure);
      found[`${measure}.goneAlive`] = aliveShare(gone(), measure);
      found[`${measure}.deletedAliveByBlameAlone`] = aliveShare(
        among(({ byBlame }) => byBlame === "deleted"),
        measure,
      );
      found[`${measure}.movedFound`] = aliveShare(moved(), measure);
      for (const kind of MOVED) {
        found[`${measure}.${kind}`] = aliveShare(
          among(({ fate }) => fate === kind),
          measure,
        );
      }
      found[`${measure}.untouchedAlive`] = aliveShare(untouched(), measure);
    }
    for (const [name, group] of [
      ["deletedAlive", deleted()],
      ["goneAlive", gone()],
      ["movedFound", moved()],
      ["untouchedAlive", untouched()],
    ] as const) {
      const { low, high } = interval(group, "kept");
      found[`kept.${name}.low`] = low;
      found[`kept.${name}.high`] = high;
    }
    return found;
  };

  return {
    add: (one) => void cases.push(one),
    line: () =>
      `so far ${deleted().length} deleted (${aliveShare(deleted(), "kept").toFixed(1)} % called alive; ` +
      `with reworded and restored ones ${aliveShare(gone(), "kept").toFixed(1)} % of ${gone().length}), ` +
      `${moved().length} moved (${aliveShare(moved(), "kept").toFixed(1)} % found), ` +
      `${untouched().length} untouched (${aliveShare(untouched(), "kept").toFixed(1)} % alive)`,
    metrics,
    table() {
      const found = metrics();
      const percent = (key: string): string => `${(found[key] ?? 0).toFixed(1)} %`;
      const measures = Object.keys(cases[0]?.verdicts ?? {});
      return [
        "| measure | deleted called alive | with reworded and restored | moved found | untouched called alive |",
        "|---|---|---|---|---|",
        ...measures.map(
          (measure) =>
            `| ${measure} | ${percent(`${measure}.deletedAlive`)} | ${percent(`${measure}.goneAlive`)} | ${percent(`${measure}.movedFound`)} | ${percent(`${measure}.untouchedAlive`)} |`,
        ),
      ];
    },
  };
};

const isAlive = ({ verdicts }: Case, measure: string): number => ((verdicts[measure] ?? 0) >= ALIVE_FROM ? 1 : 0);

/** In percent; 0 for no cases. */
const aliveShare = (group: readonly Case[], measure: string): number =>
  group.length === 0 ? 0 : (100 * group.reduce((sum, one) => sum + isAlive(one, measure), 0)) / group.length;

/** 95 %, repositories drawn whole: insertions of one history are alike. */
const interval = (group: readonly Case[], measure: string): { low: number; high: number } => {
  const { low, high } = pairedBootstrap({
    a: group.map((one) => 100 * isAlive(one, measure)),
    b: group.map(() => 0),
    groups: group.map(({ repository }) => repository),
    resamples: 2_000,
    confidence: 0.95,
    seed: 1,
  });
  return { low: Math.max(0, low), high: Math.min(100, high) };
};
