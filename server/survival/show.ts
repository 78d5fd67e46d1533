import { readFile } from "node:fs/promises";
import path from "node:path";
import { fourGramRecall, strictRetainedFraction } from "../../core/survival/retention.ts";
import type { PlaceSeen } from "../../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../../core/survival/survival-state.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { topFolder } from "../adoption/git-notes.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { isoTime } from "../clock.ts";
import { AppError } from "../errors.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { acceptedCode } from "./accepted-code.ts";
import { walkHistory } from "./history-walk.ts";
import { openReading } from "./reading.ts";
import { days, percent } from "./report.ts";

export interface ShowQuestion {
  readonly id: string;
  readonly repo: string | null;
  readonly json: boolean;
  readonly dataDir: string;
}

const DAY_MS = 86_400_000;

/**
 * Prints where one suggestion's code stands: state, places, retained fractions, losses with causes. Answers
 * the exit code.
 * @throws AppError `not-found`, `git-unavailable`
 */
export async function showSurvival({ id, repo, json, dataDir }: ShowQuestion): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  using reading = openReading(dataDir);
  const suggestion = reading.suggestion(id);
  const shown = suggestion === null ? null : shownEvent(suggestion.events);
  if (suggestion === null || shown === null) throw new AppError("not-found", `There is no suggestion ${id}.`);
  if (shown.withheld !== undefined) {
    throw new AppError("not-found", "Only the outcome of this suggestion was recorded, not its text.");
  }
  const top = await topFolder(path.resolve(repo ?? shown.context.root), signal);
  const code = acceptedCode(id, suggestion.events, top) ?? acceptedCode(id, suggestion.events, shown.context.root);
  if (code === null)
    throw new AppError("not-found", "This suggestion was not accepted, so nothing of it is in the code.");
  try {
    const survival = (await walkHistory(top, [code], signal)).get(id);
    if (survival === undefined)
      throw new AppError("not-found", "The accepted text has no token that could be followed.");
    const value = { id, repository: top, ...(await describe(survival, top, signal)) };
    print(value, { json }, () => text(value));
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  }
}

async function describe(survival: SnippetSurvival, top: string, signal: AbortSignal) {
  const { state, tok, where, losses, conf, commit, acceptedAt, file, nTokens, syntax, text: accepted } = survival;
  const best = [...where].sort((left, right) => right.tok - left.tok)[0];
  const current = best === undefined ? null : await readPlace(best, top, signal);
  return {
    path: file,
    acceptedAt: isoTime(acceptedAt),
    tokens: nTokens,
    state,
    /** In the best place. Null where nobody can say. */
    retained: {
      tokens: tok,
      strict: current === null ? null : strictRetainedFraction(accepted, current, syntax),
      fourGrams: current === null ? null : fourGramRecall(accepted, current, syntax),
    },
    confidence: conf,
    head: commit,
    places: where.map(({ place, ref, tok: retained, files }) => ({ place, ref, retained, files })),
    losses: losses.map(({ commit: lostBy, lostAt, lost, left, cause, evidence, conf: confidence }) => ({
      commit: lostBy,
      at: isoTime(lostAt),
      afterDays: Math.max(0, lostAt - acceptedAt) / DAY_MS,
      lost,
      left,
      cause,
      evidence,
      confidence,
    })),
  };
}

/** The files of a place as one text; null when they cannot be read. */
async function readPlace({ place, ref, files }: PlaceSeen, top: string, signal: AbortSignal): Promise<string | null> {
  const revision = place === "head" ? "HEAD" : place === "index" ? "" : ref;
  const texts = await Promise.all(
    files.map((file) =>
      place === "worktree" || place === "buffer"
        ? readFile(path.join(top, file), "utf8").catch(() => null)
        : gitCommand(top, ["show", "--no-textconv", `${revision}:${file}`], signal).catch(() => null),
    ),
  );
  const read = texts.filter((one) => one !== null);
  return read.length === 0 ? null : read.join("\n");
}

type Described = Awaited<ReturnType<typeof describe>> & { readonly id: string; readonly repository: string };

const text = (value: Described): string => {
  const { state, retained, places, losses } = value;
  const share = (fraction: number | null): string => (fraction === null ? "not known" : percent(fraction));
  const more =
    "in" in state
      ? ` in ${state.in}`
      : "ref" in state
        ? ` on ${state.ref}`
        : "reason" in state
          ? `: ${state.reason}`
          : "";
  return table(
    ["suggestion", value.id],
    [
      ["state", `${state.kind}${more}`],
      ["accepted", `${value.acceptedAt} in ${value.path}, ${value.tokens} tokens`],
      [
        "retained",
        `${share(retained.tokens)} (every token: ${share(retained.strict)}, groups of four: ${share(retained.fourGrams)})`,
      ],
      ...places.map(({ place, ref, retained: part, files }) => [
        "place",
        `${place}${ref === "" ? "" : ` ${ref}`}: ${percent(part)} in ${files.join(", ")}`,
      ]),
      ...losses.map(({ commit, afterDays, lost, cause, evidence }) => [
        "lost",
        `${percent(lost)} after ${days(afterDays)}, ${cause}${commit === null ? "" : ` in ${commit.slice(0, 12)}`} (${evidence})`,
      ]),
    ],
  );
};
