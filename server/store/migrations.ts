/**
 * Numbered migrations: entry n brings the schema from version n to n + 1. Released entries never
 * change. Times are milliseconds since 1970, JSON columns hold the wire shapes of `protocol/`.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE events (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    suggestion_id TEXT NOT NULL,
    session_id    TEXT NOT NULL,
    kind          TEXT NOT NULL,
    body          TEXT NOT NULL,
    body_sha256   TEXT NOT NULL,
    received_at   INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_by_suggestion ON events (suggestion_id, sequence);
  CREATE TRIGGER events_never_change BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

  CREATE TABLE event_conflicts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       TEXT NOT NULL REFERENCES events (id),
    stored_sha256  TEXT NOT NULL,
    refused_sha256 TEXT NOT NULL,
    received_at    INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE suggestions (
    id         TEXT PRIMARY KEY,
    sequence   INTEGER NOT NULL UNIQUE,
    shown_at   INTEGER NOT NULL,
    source     TEXT NOT NULL,
    root       TEXT NOT NULL,
    path       TEXT NOT NULL,
    language   TEXT NOT NULL,
    line       INTEGER NOT NULL,
    completion TEXT NOT NULL,
    base       TEXT NOT NULL,
    adapter    TEXT,
    outcome    TEXT NOT NULL,
    rating     TEXT,
    retained   REAL,
    survived   REAL
  ) STRICT;

  CREATE TABLE labels (
    suggestion_id TEXT PRIMARY KEY REFERENCES suggestions (id) ON DELETE CASCADE,
    verdict       TEXT NOT NULL,
    probability   REAL NOT NULL,
    weight        REAL NOT NULL,
    reasons       TEXT NOT NULL,
    version       TEXT NOT NULL,
    sequence      INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX labels_by_verdict ON labels (verdict, sequence);

  CREATE TABLE examples (
    suggestion_id TEXT PRIMARY KEY REFERENCES suggestions (id) ON DELETE CASCADE,
    root          TEXT NOT NULL,
    path          TEXT NOT NULL,
    language      TEXT NOT NULL,
    text          TEXT NOT NULL,
    revision      INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX examples_by_root ON examples (root, revision);
  CREATE TABLE examples_revision (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    revision INTEGER NOT NULL
  ) STRICT;
  INSERT INTO examples_revision VALUES (1, 0);

  CREATE TABLE datasets (
    id           TEXT PRIMARY KEY,
    created_at   INTEGER NOT NULL,
    sha256       TEXT NOT NULL UNIQUE,
    n_train      INTEGER NOT NULL,
    n_validation INTEGER NOT NULL,
    n_test       INTEGER NOT NULL,
    sources      TEXT NOT NULL,
    manifest     TEXT NOT NULL
  ) STRICT;

  CREATE TABLE runs (
    id               TEXT PRIMARY KEY,
    strategy         TEXT NOT NULL,
    state            TEXT NOT NULL,
    stage            TEXT NOT NULL,
    request          TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    finished_at      INTEGER,
    dataset_id       TEXT REFERENCES datasets (id),
    version_id       TEXT REFERENCES versions (id),
    error_code       TEXT,
    error_message    TEXT,
    train_loss_first REAL,
    train_loss_last  REAL
  ) STRICT;
  CREATE TABLE run_points (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step   INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE versions (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    base       TEXT NOT NULL,
    run_id     TEXT NOT NULL REFERENCES runs (id),
    dataset_id TEXT NOT NULL REFERENCES datasets (id),
    champion_before TEXT REFERENCES versions (id),
    manifest   TEXT NOT NULL
  ) STRICT;
  CREATE TABLE version_files (
    version_id TEXT NOT NULL REFERENCES versions (id),
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    PRIMARY KEY (version_id, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX version_files_by_sha256 ON version_files (sha256);
  CREATE TABLE evaluations (
    id         TEXT PRIMARY KEY,
    run_id     TEXT NOT NULL UNIQUE REFERENCES runs (id),
    version_id TEXT NOT NULL REFERENCES versions (id),
    created_at INTEGER NOT NULL,
    report     TEXT NOT NULL
  ) STRICT;

  CREATE TABLE aliases (
    alias      TEXT PRIMARY KEY CHECK (alias IN ('champion', 'candidate', 'previous')),
    version_id TEXT REFERENCES versions (id)
  ) STRICT;
  INSERT INTO aliases VALUES ('champion', NULL), ('candidate', NULL), ('previous', NULL);
  CREATE TABLE alias_history (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    alias        TEXT NOT NULL REFERENCES aliases (alias),
    from_version TEXT REFERENCES versions (id),
    to_version   TEXT REFERENCES versions (id),
    reason       TEXT NOT NULL,
    moved_at     INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_token TEXT,
    lease_until REAL,
    error       TEXT,
    created_at  INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX jobs_by_state ON jobs (state, created_at);
  `,
  `
  -- The outbox of what follows from events: written with them, emptied when it is done.
  CREATE TABLE derivations (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    suggestion_id TEXT NOT NULL UNIQUE
  ) STRICT;
  -- What became of every event that a client sent: the server's side of the ledger.
  CREATE TABLE event_counts (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    accepted  INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    rejected  INTEGER NOT NULL
  ) STRICT;
  INSERT INTO event_counts SELECT 1, count(*), 0, 0 FROM events;
  `,
  // Forgetting: requests, tombstones, and datasets that are gone.
  `
  CREATE TABLE forget_operations (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    scope         TEXT,
    requested_at  INTEGER NOT NULL,
    finished_at   INTEGER,
    n_suggestions INTEGER NOT NULL DEFAULT 0,
    n_events      INTEGER NOT NULL DEFAULT 0,
    n_scrubbed    INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE forgotten_suggestions (
    suggestion_id TEXT PRIMARY KEY,
    operation_id  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE forgotten_events (
    event_id TEXT PRIMARY KEY
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE forget_rules (
    id           INTEGER PRIMARY KEY,
    operation_id TEXT NOT NULL REFERENCES forget_operations (id),
    kind         TEXT NOT NULL,
    place        TEXT,
    from_ms      INTEGER NOT NULL,
    to_ms        INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX forget_rules_by_place ON forget_rules (place, to_ms);
  CREATE TABLE forget_key (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key  BLOB NOT NULL
  ) STRICT;
  CREATE TABLE invalid_datasets (
    dataset_id   TEXT PRIMARY KEY REFERENCES datasets (id),
    operation_id TEXT NOT NULL REFERENCES forget_operations (id),
    invalid_at   INTEGER NOT NULL
  ) STRICT;
  `,
  // Settings, datasets whose time is over, and what each sweep deleted.
  `
  CREATE TABLE settings (
    name       TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE datasets ADD COLUMN expired_at INTEGER;
  CREATE TABLE sweeps (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    finished_at INTEGER NOT NULL,
    report      TEXT NOT NULL
  ) STRICT;
  `,
  // Candidates on trial.
  `
  CREATE TABLE canaries (
    id             TEXT PRIMARY KEY,
    version_id     TEXT NOT NULL REFERENCES versions (id),
    champion_id    TEXT REFERENCES versions (id),
    share          REAL NOT NULL,
    after_sequence INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    state          TEXT NOT NULL CHECK (state IN ('running', 'promoted', 'rolled-back', 'superseded')),
    reading        TEXT
  ) STRICT;
  CREATE UNIQUE INDEX one_canary_runs ON canaries (state) WHERE state = 'running';
  -- When to stay quiet, as fitted in the run of each version; without a filter its reason alone.
  CREATE TABLE show_filters (
    version_id TEXT PRIMARY KEY REFERENCES versions (id),
    fitted_at  INTEGER NOT NULL,
    filter     TEXT,
    detail     TEXT NOT NULL
  ) STRICT;
  `,
  // What connected systems are still to hear: one row for each thing of which they do not know the newest state.
  `
  CREATE TABLE outbox_destinations (
    name      TEXT PRIMARY KEY,
    opened_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL REFERENCES outbox_destinations (name) ON DELETE CASCADE,
    topic       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    revision    INTEGER NOT NULL DEFAULT 1,
    attempts    INTEGER NOT NULL DEFAULT 0,
    error       TEXT,
    UNIQUE (destination, topic, subject)
  ) STRICT;
  -- What a thing is called there, and how far it has been told.
  CREATE TABLE outbox_remotes (
    destination TEXT NOT NULL,
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    remote_id   TEXT NOT NULL,
    sent        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, kind, subject)
  ) STRICT, WITHOUT ROWID;

  -- In the transaction of what is told, whoever writes it: nothing can be forgotten.
  CREATE TRIGGER outbox_run_made AFTER INSERT ON runs BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'run', NEW.id FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_run_changed AFTER UPDATE ON runs BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'run', NEW.id FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_point_made AFTER INSERT ON run_points BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'points', NEW.run_id FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_version_made AFTER INSERT ON versions BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'version', NEW.id FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_version_judged AFTER INSERT ON evaluations BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'run', NEW.run_id FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_version_tainted AFTER INSERT ON invalid_datasets BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT d.name, 'version', v.id FROM outbox_destinations d JOIN versions v ON v.dataset_id = NEW.dataset_id
      WHERE d.name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  CREATE TRIGGER outbox_alias_moved AFTER UPDATE ON aliases WHEN OLD.version_id IS NOT NEW.version_id BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT name, 'alias', NEW.alias FROM outbox_destinations WHERE name = 'mlflow'
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  -- A suggestion that is gone here goes there too.
  CREATE TRIGGER outbox_suggestion_gone AFTER DELETE ON suggestions BEGIN
    INSERT INTO outbox (destination, topic, subject)
      SELECT destination, 'task', subject FROM outbox_remotes
      WHERE destination = 'label-studio' AND kind = 'task' AND subject = OLD.id
        AND EXISTS (SELECT 1 FROM outbox_destinations WHERE name = 'label-studio')
      ON CONFLICT (destination, topic, subject) DO UPDATE SET revision = revision + 1;
  END;
  `,
  // Places of tests with what was written there: they go with the rows of their dataset, whoever takes those.
  `
  CREATE TABLE evaluation_samples (
    run_id   TEXT NOT NULL REFERENCES runs (id),
    position INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER samples_forgotten AFTER INSERT ON invalid_datasets BEGIN
    DELETE FROM evaluation_samples WHERE run_id IN (SELECT id FROM runs WHERE dataset_id = NEW.dataset_id);
  END;
  CREATE TRIGGER samples_expired AFTER UPDATE OF expired_at ON datasets WHEN NEW.expired_at IS NOT NULL BEGIN
    DELETE FROM evaluation_samples WHERE run_id IN (SELECT id FROM runs WHERE dataset_id = NEW.id);
  END;
  `,
  // What came from other machines and files: held until a person has accepted it.
  `
  CREATE TABLE imports (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('held', 'accepted', 'refused')),
    is_own      INTEGER NOT NULL,
    decided_at  INTEGER
  ) STRICT;
  CREATE TABLE imported_suggestions (
    suggestion_id TEXT PRIMARY KEY,
    import_id     TEXT NOT NULL REFERENCES imports (id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX imported_suggestions_by_import ON imported_suggestions (import_id);
  CREATE TABLE imported_events (
    event_id  TEXT PRIMARY KEY,
    import_id TEXT NOT NULL REFERENCES imports (id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX imported_events_by_import ON imported_events (import_id);
  CREATE VIEW held_suggestions AS
    SELECT m.suggestion_id FROM imported_suggestions m JOIN imports i ON i.id = m.import_id WHERE i.state <> 'accepted';
  -- Not the owner's own, accepted or not.
  CREATE VIEW foreign_suggestions AS
    SELECT m.suggestion_id, m.import_id FROM imported_suggestions m JOIN imports i ON i.id = m.import_id
    WHERE i.state <> 'accepted' OR i.is_own = 0;
  CREATE VIEW held_events AS
    SELECT m.event_id FROM imported_events m JOIN imports i ON i.id = m.import_id WHERE i.state <> 'accepted';
  `,
];
