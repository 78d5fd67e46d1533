import { acceptedTime } from "./accepted-code.ts";
import { lengthBand, lifeOf } from "../../core/survival/snippet-life.ts";
import type { SnippetLife } from "../../core/survival/survival-summary.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import type { EventOf } from "../../protocol/events.ts";
import type { Reading } from "./reading.ts";
import { repositoryPath } from "./repository-path.ts";

/** A life with what it is grouped by. */
export interface GroupedLife extends SnippetLife {
  readonly suggestionId: string;
  readonly model: string;
  readonly language: string;
  readonly length: string;
  /** When it was accepted, milliseconds since 1970. */
  readonly acceptedAt: number;
}

export interface LivesFilter {
  /** Only code of this repository's top folder. */
  readonly top: string | null;
  /** Only what was accepted since, milliseconds since 1970. */
  readonly since: number | null;
}

/** Lives of everything that was accepted, replays left out: nobody took those over. */
export function readLives(reading: Reading, { top, since }: LivesFilter): GroupedLife[] {
  const lastSeen = reading.lastSeen();
  const lives: GroupedLife[] = [];
  for (const { id, events } of reading.accepted(null)) {
    const shown = shownEvent(events);
    const acceptedAt = acceptedTime(events);
    if (shown === null || acceptedAt === null || shown.source === "replay") continue;
    if (since !== null && acceptedAt < since) continue;
    const { root, path, language } = shown.context;
    if (top !== null && repositoryPath(top, root, path) === null) continue;
    const life = lifeOf(events, (lastSeen.get(root) ?? 0) - acceptedAt);
    if (life === null) continue;
    lives.push({
      suggestionId: id,
      time: life.days,
      ended: life.ended,
      cause: life.cause,
      nTokens: life.nTokens,
      repository: root,
      session: shown.sessionId,
      model: modelName(shown),
      language,
      length: lengthBand(life.nTokens),
      acceptedAt,
    });
  }
  return lives;
}

/** `claude/opus` for code of another tool; Kept's adapter, or its base model by the head of its hash. */
export const modelName = ({ generator, model }: Pick<EventOf<"shown">, "generator" | "model">): string => {
  if (generator !== undefined)
    return generator.model === null ? generator.tool : `${generator.tool}/${generator.model}`;
  return model.adapter ?? `base ${model.base.slice(0, 12)}`;
};
