import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SurvivalRecord } from "../../../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../../../core/survival/survival-state.ts";
import { findRepository, type Repository } from "../../../tracker/repository.ts";
import { openTracker, type Tracker } from "../../../tracker/tracker.ts";
import type { Observation } from "../../../tracker/observer.ts";
import { createRepository, FIRST_COMMIT_SECONDS, type TestRepository } from "./repository.ts";

/** Nine lines that were accepted. */
export const SNIPPET = `export function totalPrice(items: readonly Item[], discount: number): number {
  let total = 0;
  for (const item of items) {
    if (item.hidden) continue;
    total += item.price * item.quantity;
  }
  const reduced = total * (1 - discount);
  return Math.max(0, reduced);
}
`;

export const BASKET = `import { Item } from "./item";

export class Basket {
  readonly content: Item[] = [];
  add(item: Item): void {
    this.content.push(item);
  }
}
`;

export const FILLER = `${Array.from({ length: 40 }, (_, at) => `export const setting${at} = "value ${at}";`).join("\n")}\n`;

/** A repository, a tracker that follows it, and a clock that goes on an hour with every look. */
export interface FollowedRepository extends TestRepository {
  readonly tracker: Tracker;
  readonly storage: string;
  readonly records: readonly SurvivalRecord[];
  /** Accepts text as standing in a file. */
  accept(sid: string, file: string, text: string, line?: number | null): Promise<void>;
  look(): Promise<Observation>;
  /** What is known of a snippet after a look. */
  see(sid?: string): Promise<SnippetSurvival>;
  /** Closes the tracker and opens it again on the same folder, of which something may be changed while it is closed. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  log(): Promise<string>;
}

export const DEADLINE_MS = 30_000;

export const followRepository = async (
  options: {
    readonly files?: Record<string, string>;
    readonly at?: TestRepository;
    readonly openText?: (file: string) => string | null;
  } = {},
): Promise<FollowedRepository> => {
  const repository = options.at ?? (await createRepository());
  if (options.at === undefined) await repository.commit("start", { "a.ts": BASKET, "b.ts": FILLER, ...options.files });
  const storage = await mkdtemp(join(tmpdir(), "kept-survival-"));
  const records: SurvivalRecord[] = [];
  let clock = FIRST_COMMIT_SECONDS * 1000;
  const open = async (): Promise<Tracker> =>
    openTracker({
      repository: await repositoryAt(repository.root),
      folder: storage,
      now: () => clock,
      openText: (file) => options.openText?.(file) ?? null,
      onChange: (_, fresh) => records.push(...fresh),
    });
  let tracker = await open();
  await tracker.observe(AbortSignal.timeout(DEADLINE_MS));
  const look = async (): Promise<Observation> => {
    clock += 3_600_000;
    return tracker.observe(AbortSignal.timeout(DEADLINE_MS));
  };
  return {
    ...repository,
    get tracker() {
      return tracker;
    },
    storage,
    records,
    async accept(sid, file, text, line = null) {
      const refused = await tracker.accept([{ sid, file, text, line, before: "" }]);
      if (refused.length > 0) throw new Error(`${sid} is not followed`);
    },
    look,
    async see(sid = "s") {
      const observation = await look();
      if (observation.kind === "failed") throw new Error(`${observation.reason}: ${observation.message}`);
      const found = tracker.state.get(sid);
      if (found === undefined) throw new Error(`nothing is known of ${sid}`);
      return found;
    },
    async restart(meanwhile) {
      await tracker.close();
      await meanwhile?.();
      tracker = await open();
    },
    async log() {
      const name = `survival-${new Date(clock).toISOString().slice(0, 7)}.jsonl`;
      return readFile(join(storage, name), "utf8");
    },
    async [Symbol.asyncDispose]() {
      await tracker.close();
      await rm(storage, { recursive: true, force: true });
      await repository[Symbol.asyncDispose]();
    },
  };
};

export const repositoryAt = async (folder: string): Promise<Repository> => {
  const found = await findRepository(folder, AbortSignal.timeout(DEADLINE_MS));
  if (!found.ok) throw new Error(found.reason);
  return found.repository;
};
