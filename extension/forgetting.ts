import { mentions, needlesOf } from "../core/forget/scrub.ts";
import type { KeptEvent } from "../protocol/events.ts";
import type { SuggestionJournal } from "./observe/suggestion-journal.ts";
import type { ExampleSource } from "./suggest/example-source.ts";
import type { SuggestionCache } from "./suggest/suggestion-cache.ts";
import type { SuggestionRecords } from "./suggest/suggestion-record.ts";
import type { Forgotten } from "./sync/forget-request.ts";
import type { Outbox } from "./sync/outbox.ts";
import type { BufferFeed } from "./survive/buffer-feed.ts";
import type { SuggestionPlace, TrackerFeed } from "./survive/tracker-feed.ts";
import type { RecordedLog } from "./ui/recorded-log.ts";

/** Everything of a window that holds something of a suggestion. */
export interface Holders {
  readonly outbox: Outbox;
  readonly records: SuggestionRecords;
  readonly cache: SuggestionCache;
  readonly journal: SuggestionJournal;
  readonly examples: ExampleSource;
  readonly recorded: RecordedLog;
  readonly buffer: Pick<BufferFeed, "forget">;
  readonly survival: Pick<TrackerFeed, "forget">;
  /** Resolves when nothing that was told before is still on its way to the outbox. */
  settled(): Promise<void>;
  /** Drops what the window itself knows of a suggestion. */
  unfollow(suggestionId: string): void;
}

/** Takes what was forgotten out of a window and its files. Doing it twice is the same as once. */
export async function forgetHere(forgotten: Forgotten, holders: Holders): Promise<void> {
  const { outbox, records, cache, journal, examples, recorded, buffer, survival } = holders;
  // Nothing of it leaves while it is looked for.
  const release = outbox.hold();
  try {
    await holders.settled();
    const places = [
      ...records.all().map(({ id, root, context }) => ({ id, root, path: context.path })),
      ...journal.entries(),
    ];
    const gone = new Set(places.filter((place) => forgotten.suggestion(place)).map(({ id }) => id));
    const isGonePlace = (place: SuggestionPlace) => gone.has(place.id) || forgotten.suggestion(place);
    const isOwn = (event: KeptEvent) => gone.has(event.suggestionId) || forgotten.event(event);
    await buffer.forget(gone, isGonePlace);
    // What earlier windows accepted is known from what they have written.
    const accepted = await survival.forget(isGonePlace);
    const shown = await outbox.remove(isOwn);
    const texts = needlesOf([
      ...accepted,
      ...[...gone].flatMap((id) => records.get(id)?.completion ?? []),
      ...shown.flatMap((event) => (event.kind === "shown" ? [event.completion] : [])),
    ]);
    // A later event of the same file may have a copy of the code above its cursor.
    const isCopy = (event: KeptEvent) => texts.length > 0 && mentions(textOf(event), texts);
    if (texts.length > 0) await outbox.remove(isCopy);
    recorded.remove((event) => isOwn(event) || isCopy(event));
    for (const id of gone) {
      records.remove(id);
      cache.remove(id);
      holders.unfollow(id);
    }
    await journal.forget(isGonePlace);
    await examples.forget(({ suggestionId: id = FIRST_ID, root, path, text }) => {
      return isGonePlace({ id, root, path }) || (texts.length > 0 && mentions(text, texts));
    });
  } finally {
    release();
  }
}

/** Stands for the suggestion of an example from git history: made before every request. */
const FIRST_ID = "00000000-0000-7000-8000-000000000000";

function textOf(event: KeptEvent): string {
  if (event.kind === "typed-instead") return event.text;
  if (event.kind !== "shown") return "";
  const { prefix, suffix, examples } = event.context;
  return [prefix, event.completion, suffix, ...examples.map(({ text }) => text)].join("\n");
}
