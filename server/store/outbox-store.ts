import type { Db } from "./database.ts";

/** A thing of which a connected system does not know the newest state. Ids alone: the text of a thing is read when it is sent. */
export interface OutboxRow {
  readonly position: number;
  readonly topic: string;
  /** Id of the run, version, alias or suggestion. */
  readonly subject: string;
  /** Rises when the thing changes again while the row waits. */
  readonly revision: number;
  /** Times that it was sent, or begun to be. */
  readonly attempts: number;
  readonly error: string | null;
}

/** What a thing is called in a connected system. */
export interface RemoteThing {
  readonly id: string;
  /** How far it has been told: the last step of a curve. */
  readonly sent: number;
}

/**
 * The outbox of the integrations. Triggers write its rows in the transaction of what caused them, for the
 * destinations that are open; a row says that something changed, not what, so that the newest state is sent.
 */
export interface OutboxStore {
  isOpen(destination: string): boolean;
  /** From now on the destination is told. */
  open(destination: string, at: number): void;
  /** Nothing is kept for the destination any more, nor what things are called there. */
  close(destination: string): void;
  add(destination: string, topic: string, subject: string): void;
  /** Everything that waits, the oldest first. */
  waiting(destination: string, limit: number): OutboxRow[];
  /** Counts an attempt before it is made: what was begun may have arrived. */
  begin(row: OutboxRow): void;
  /** Takes the row off, unless its thing has changed since it was read: then it is to be sent again. */
  done(row: OutboxRow): void;
  failed(row: OutboxRow, error: string): void;
  /** Forgets how often it was tried. */
  retry(destination: string): number;
  count(destination: string): { waiting: number; failing: number };
  remote(destination: string, kind: string, subject: string): RemoteThing | null;
  /** The subject that is called so there. */
  subjectOf(destination: string, kind: string, remoteId: string): string | null;
  setRemote(destination: string, kind: string, subject: string, remote: RemoteThing): void;
  removeRemote(destination: string, kind: string, subject: string): void;
  countRemotes(destination: string, kind: string): number;
  /** Subjects that have a thing of this kind there. */
  remoteSubjects(destination: string, kind: string): string[];
}

/** Characters of a failure that are kept. */
const MAX_ERROR_CHARS = 500;

export function openOutboxStore(db: Db): OutboxStore {
  const isOpen = db.prepare("SELECT 1 FROM outbox_destinations WHERE name = ?").pluck();
  const open = db.prepare("INSERT INTO outbox_destinations (name, opened_at) VALUES (?, ?) ON CONFLICT DO NOTHING");
  const add = db.prepare(`
    INSERT INTO outbox (destination, topic, subject) VALUES (?, ?, ?)
    ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1`);
  const waiting = db.prepare(`
    SELECT position, topic, subject, revision, attempts, error FROM outbox
    WHERE destination = ? ORDER BY position LIMIT ?`);
  const begin = db.prepare("UPDATE outbox SET attempts = attempts + 1 WHERE position = ?");
  const remove = db.prepare("DELETE FROM outbox WHERE position = ? AND revision = ?");
  const again = db.prepare("UPDATE outbox SET attempts = 0, error = NULL WHERE position = ?");
  const failed = db.prepare("UPDATE outbox SET error = ? WHERE position = ?");
  const retry = db.prepare("UPDATE outbox SET attempts = 0, error = NULL WHERE destination = ?");
  const count = db.prepare("SELECT count(*) AS waiting, count(error) AS failing FROM outbox WHERE destination = ?");
  const remote = db.prepare(`
    SELECT remote_id AS id, sent FROM outbox_remotes WHERE destination = ? AND kind = ? AND subject = ?`);
  const subjectOf = db
    .prepare("SELECT subject FROM outbox_remotes WHERE destination = ? AND kind = ? AND remote_id = ?")
    .pluck();
  const setRemote = db.prepare(`
    INSERT INTO outbox_remotes (destination, kind, subject, remote_id, sent) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (destination, kind, subject) DO UPDATE SET remote_id = excluded.remote_id, sent = excluded.sent`);
  const removeRemote = db.prepare("DELETE FROM outbox_remotes WHERE destination = ? AND kind = ? AND subject = ?");
  const countRemotes = db.prepare("SELECT count(*) FROM outbox_remotes WHERE destination = ? AND kind = ?").pluck();

  return {
    isOpen: (destination) => isOpen.get(destination) !== undefined,
    open: (destination, at) => void open.run(destination, at),
    close: db.transaction((destination: string) => {
      db.prepare("DELETE FROM outbox WHERE destination = ?").run(destination);
      db.prepare("DELETE FROM outbox_remotes WHERE destination = ?").run(destination);
      db.prepare("DELETE FROM outbox_destinations WHERE name = ?").run(destination);
    }),
    add: (destination, topic, subject) => void add.run(destination, topic, subject),
    waiting: (destination, limit) => waiting.all(destination, limit) as OutboxRow[],
    begin: ({ position }) => void begin.run(position),
    done: db.transaction(({ position, revision }: OutboxRow) => {
      if (remove.run(position, revision).changes === 0) again.run(position);
    }),
    failed: ({ position }, error) => void failed.run(error.slice(0, MAX_ERROR_CHARS), position),
    retry: (destination) => retry.run(destination).changes,
    count: (destination) => count.get(destination) as { waiting: number; failing: number },
    remote: (destination, kind, subject) => (remote.get(destination, kind, subject) as RemoteThing | undefined) ?? null,
    subjectOf: (destination, kind, remoteId) =>
      (subjectOf.get(destination, kind, remoteId) as string | undefined) ?? null,
    setRemote: (destination, kind, subject, { id, sent }) => void setRemote.run(destination, kind, subject, id, sent),
    removeRemote: (destination, kind, subject) => void removeRemote.run(destination, kind, subject),
    countRemotes: (destination, kind) => countRemotes.get(destination, kind) as number,
    remoteSubjects: (destination, kind) =>
      db
        .prepare("SELECT subject FROM outbox_remotes WHERE destination = ? AND kind = ? ORDER BY subject")
        .pluck()
        .all(destination, kind) as string[],
  };
}
