import { redactSecrets } from "../../core/redaction.ts";
import { type CodeVerdictSeen, isNews } from "../../core/labels/code-findings.ts";
import { type Attribution, attributeLines, type StandingCode } from "../../core/survival/attribution.ts";
import { EVENT_SCHEMA_VERSION, type KeptEvent } from "../../protocol/events.ts";
import type { CodeSignal, SignalRequest, SignalResponse } from "../../protocol/signals.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { GitError } from "../../tracker/git.ts";
import { topFolder } from "../adoption/git-notes.ts";
import { AppError } from "../errors.ts";
import { acceptedCode } from "../survival/accepted-code.ts";
import { standingAt, type WalkedCode } from "../survival/history-walk.ts";
import { openReading } from "../survival/reading.ts";
import { stableId } from "../stable-id.ts";

/** What signals come to: events to store, and the answer but for how many of them were new. */
export interface Attributed {
  readonly events: readonly KeptEvent[];
  readonly answer: Omit<SignalResponse, "stored">;
}

/**
 * Finds the suggestions whose tokens stand on the lines that signals name, in the tree of their commit and
 * whatever became of the files since, and makes an event for each. Reads the store and the repository, changes
 * neither. What the suggestion's events say already makes no other: a test that passes with every build is told once.
 * @throws AppError `git-unavailable`, `commit-missing`, `not-found` without a store
 */
export async function attributeSignals(
  dataDir: string,
  request: SignalRequest,
  signal: AbortSignal,
): Promise<Attributed> {
  const top = await topFolder(request.root, signal);
  const commit = await resolveCommit(top, request.commit ?? "HEAD", signal);
  const codes: WalkedCode[] = [];
  const seen = new Map<string, CodeVerdictSeen[]>();
  {
    using reading = openReading(dataDir);
    for (const { id, events } of reading.accepted(null)) {
      const code = acceptedCode(id, events, top);
      if (code === null) continue;
      codes.push(code);
      seen.set(
        id,
        events.filter((event) => event.kind === "code-signal"),
      );
    }
  }
  const standing: StandingCode = codes.length === 0 ? new Map() : await standingAt(top, commit, codes, signal);
  const wallMs = request.at === undefined ? await commitTime(top, commit, signal) : Date.parse(request.at);
  const report = stableId(JSON.stringify([commit, wallMs, request.signals]));
  const events: KeptEvent[] = [];
  // Tests without coverage of their own share one list of lines.
  const attributions = new Map<CodeSignal["lines"], Attribution>();
  const signals = request.signals.map(({ verdict, name, lines }, at) => {
    const attribution = attributions.get(lines) ?? attributeLines(lines, standing);
    attributions.set(lines, attribution);
    const { shares, linesWithout } = attribution;
    const redacted = redactSecrets(name).slice(0, MAX_NAME_CHARS);
    for (const [suggestionId, share] of shares) {
      const said = { verdict, name: redacted, share };
      const known = seen.get(suggestionId)!;
      if (!isNews(said, known)) continue;
      known.push(said);
      events.push({
        id: stableId(`code-signal\0${report}\0${at}\0${suggestionId}`),
        v: EVENT_SCHEMA_VERSION,
        suggestionId,
        sessionId: report,
        sequence: at,
        wallMs,
        monotonicMs: at,
        kind: "code-signal",
        commit,
        ...said,
      });
    }
    return { verdict, name: redacted, linesWithout, suggestions: [...shares].map(([id, share]) => ({ id, share })) };
  });
  const dropped = signals.filter(({ suggestions }) => suggestions.length === 0).length;
  return { events, answer: { commit, followed: codes.length, dropped, signals } };
}

/** What an event has room for. */
const MAX_NAME_CHARS = 256;

async function commitTime(top: string, commit: string, signal: AbortSignal): Promise<number> {
  return 1_000 * Number(await gitCommand(top, ["log", "-1", "--format=%ct", commit], signal));
}

/** The whole hash of a revision. @throws AppError `commit-missing` */
export async function resolveCommit(top: string, revision: string, signal: AbortSignal): Promise<string> {
  try {
    return await gitCommand(top, ["rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`], signal);
  } catch (error) {
    if (!(error instanceof GitError) || error.code !== "git-failed") throw error;
    throw new AppError("commit-missing", `${top} has no commit ${revision}.`, {
      cause: error,
      hint: "Fetch it, or name one that is there with --commit.",
    });
  }
}
