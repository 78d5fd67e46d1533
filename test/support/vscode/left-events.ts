import { EVENT_SCHEMA_VERSION, keptEvent, type KeptEvent } from "../../../protocol/events.ts";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Above every process number that Linux gives out. */
const NO_PROCESS = 2 ** 30;

/** Writes so many events into an outbox's folder, as a window leaves them that ended while no server was there. */
export function leaveEvents(dir: string, count: number): void {
  const sessionId = uuidv7();
  const suggestionId = uuidv7();
  const began = Date.now() - count;
  const lines = Array.from({ length: count }, (_, sequence) =>
    JSON.stringify({
      id: uuidv7(),
      v: EVENT_SCHEMA_VERSION,
      suggestionId,
      sessionId,
      sequence,
      wallMs: began + sequence,
      monotonicMs: sequence,
      kind: "rated",
      verdict: sequence % 2 === 0 ? "up" : "withdrawn",
    }),
  );
  keptEvent.parse(JSON.parse(lines[0]!));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(dir, `${NO_PROCESS}-${sessionId}.jsonl`), `${lines.join("\n")}\n`, { mode: 0o600 });
}

/**
 * Events that stand in an outbox's files, oldest first. Its owner writes meanwhile: a line counts once its end is
 * there, and a file that was taken over or sent while it was looked at holds nothing.
 */
export function eventsIn(dir: string): KeptEvent[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => wholeLines(path.join(dir, name)))
    .map((line) => JSON.parse(line) as KeptEvent);
}

function wholeLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
