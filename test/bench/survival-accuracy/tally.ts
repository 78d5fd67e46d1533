import { wilsonInterval } from "../../../core/statistics/wilson.ts";
import { pairedBootstrap } from "../../../core/statistics/bootstrap.ts";
import { type Group, GROUPS, groupOf } from "./groups.ts";
import type { Fate } from "./truth.ts";

/** What each measure gave: a share of 0 to 1. */
export type Verdicts = Readonly<Record<string, number>>;

export interface Tally {
  add(one: Case): void;
  /** Counts so far, in one line. */
  line(): string;
  metrics(): Record<string, number>;
  /** The table as Markdown lines; Kept's shares with Wilson's interval of 95 %, which takes insertions for independent. */
  table(): string[];
}

/** From a half on the insertion is called alive: the event of survival.md section 2.1. */
const ALIVE_FROM = 0.5;
const MOVED: ReadonlySet<Fate> = new Set(["moved-file", "moved-inside", "moved-across"]);

/** Deleted, if a line that kept half of its words, came back, or lived on in a copy, is a deleted line. */
const GONE: ReadonlySet<Fate> = new Set(["deleted", "reworded", "restored", "copied"]);

export interface Case {
  readonly repository: string;
  readonly fate: Fate;
  /** Fate before code in other files, and edited code, was looked for. */
  readonly byBlame: Fate;
  /** Null for an insertion without a verdict by git: no measure was asked. */
  readonly verdicts: Verdicts | null;
}

export const createTally = (): Tally => {
  const cases: Case[] = [];
  const among = (isIn: (one: Case) => boolean): Case[] => cases.filter(isIn);
  const deleted = (): Case[] => among(({ fate }) => fate === "deleted");
  const gone = (): Case[] => among(({ fate }) => GONE.has(fate));
  const moved = (): Case[] => among(({ fate }) => MOVED.has(fate));
  const untouched = (): Case[] => among(({ fate }) => fate === "untouched");

  const groups = (): Group[] => GROUPS.filter((group) => cases.some(({ repository }) => groupOf(repository) === group));
  const measures = (): string[] => Object.keys(cases.find(({ verdicts }) => verdicts !== null)?.verdicts ?? {});

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
      "n.copied": among(({ fate }) => fate === "copied").length,
    };
    for (const kind of MOVED) found[`n.${kind}`] = among(({ fate }) => fate === kind).length;
    for (const measure of measures()) {
      found[`${measure}.deletedAlive`] = aliveShare(deleted(), measure);
      found[`${measure}.goneAlive`] = aliveShare(gone(), measure);
      found[`${measure}.movedFound`] = aliveShare(moved(), measure);
      for (const kind of MOVED) {
        found[`${measure}.${kind}`] = aliveShare(
          among(({ fate }) => fate === kind),
          measure,
        );
      }
      found[`${measure}.untouchedAlive`] = aliveShare(untouched(), measure);
    }
    const columns = { deletedAlive: deleted(), goneAlive: gone(), movedFound: moved(), untouchedAlive: untouched() };
    for (const [name, all] of Object.entries(columns)) {
      const { low, high } = interval(all, "kept");
      found[`kept.${name}.low`] = low;
      found[`kept.${name}.high`] = high;
      for (const group of GROUPS) {
        const own = all.filter(({ repository }) => groupOf(repository) === group);
        found[`kept.${name} of ${group}`] = aliveShare(own, "kept");
        found[`n.${name} of ${group}`] = own.length;
      }
    }
    return found;
  };

  return {
    add: (one) => void cases.push(one),
    line: () =>
      `so far ${deleted().length} deleted (${aliveShare(deleted(), "kept").toFixed(1)} % called alive; ` +
      `with reworded, restored and copied ones ${aliveShare(gone(), "kept").toFixed(1)} % of ${gone().length}), ` +
      `${moved().length} moved (${aliveShare(moved(), "kept").toFixed(1)} % found), ` +
      `${untouched().length} untouched (${aliveShare(untouched(), "kept").toFixed(1)} % alive)`,
    metrics,
    table() {
      const found = metrics();
      const cell = (measure: string, key: string, counted: string): string => {
        const [share, n] = [found[`${measure}.${key}`] ?? 0, found[counted] ?? 0];
        const { low, high } = wilsonInterval(Math.round((share * n) / 100), n);
        const between = measure === "kept" ? ` (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})` : "";
        return `${share.toFixed(1)} %${between} of ${n}`;
      };
      const row = (name: string, measure: string, of: string): string =>
        `| ${name} | ${COLUMNS.map(({ key, n }) => cell(measure, `${key}${of}`, of === "" ? n : `n.${key}${of}`)).join(" | ")} |`;
      return [
        `| measure | ${COLUMNS.map(({ title }) => title).join(" | ")} |`,
        `|---|${COLUMNS.map(() => "---|").join("")}`,
        ...groups().map((group) => row(`kept, histories ${group}`, "kept", ` of ${group}`)),
        ...measures().map((measure) => row(measure, measure, "")),
      ];
    },
  };
};

const COLUMNS = [
  { key: "deletedAlive", title: "deleted called alive", n: "n.deleted" },
  { key: "goneAlive", title: "with reworded, restored and copied", n: "n.gone" },
  { key: "movedFound", title: "moved found", n: "n.moved" },
  { key: "untouchedAlive", title: "untouched called alive", n: "n.untouched" },
] as const;

const isAlive = ({ verdicts }: Case, measure: string): number => ((verdicts?.[measure] ?? 0) >= ALIVE_FROM ? 1 : 0);

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
