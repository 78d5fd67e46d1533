import type { Db } from "./database.ts";

/**
 * The outbox of what follows from events: suggestions whose rows, labels and examples have to be computed
 * anew. It is written with the events themselves, so a crash between the two loses nothing.
 */
export interface DerivationStore {
  add(suggestionIds: Iterable<string>): void;
  /** The oldest that wait. */
  next(limit: number): string[];
  /** Done: they wait no more. */
  remove(suggestionIds: Iterable<string>): void;
  count(): number;
}

export function openDerivationStore(db: Db): DerivationStore {
  const add = db.prepare("INSERT INTO derivations (suggestion_id) VALUES (?) ON CONFLICT (suggestion_id) DO NOTHING");
  const next = db.prepare("SELECT suggestion_id FROM derivations ORDER BY position LIMIT ?").pluck();
  const remove = db.prepare("DELETE FROM derivations WHERE suggestion_id = ?");
  const count = db.prepare("SELECT count(*) FROM derivations").pluck();
  return {
    add(suggestionIds) {
      for (const id of suggestionIds) add.run(id);
    },
    next: (limit) => next.all(limit) as string[],
    remove(suggestionIds) {
      for (const id of suggestionIds) remove.run(id);
    },
    count: () => count.get() as number,
  };
}
