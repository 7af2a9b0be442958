/** Marks the file as Baton's (`PRAGMA application_id`): the letters "Batn". */
export const APPLICATION_ID = 0x4261746e;

/**
 * Step n leads from schema version n to n + 1; `PRAGMA user_version` holds the version. Released steps never change.
 *
 * Tasks, timers and messages share their lease columns: `claimable_at` is 0 while the item waits (a timer: its due
 * time), else when its lease expires, so that one index finds both what waits and what was left behind.
 *
 * A history row is one commit's events, a line each, in order of arrival: commits of many runs fill the same last
 * pages. Keyed by run instead, every commit of a group dirtied a page of its own (a third fewer commits a second).
 *
 * `runs.marks` is a set of bits (run-marks.ts), each with an index of only the runs that have it: what waits for a
 * person is found without reading what is finished, and a run without marks has no entry to write.
 *
 * The feed is read from the history in order of its row ids, so they must never come twice: when the newest rows are
 * purged, an empty row of no run (0) keeps the last number. A publication has such a row too, and its messages beside it;
 * `total_bytes` counts all that were published up to it, so that what is too much is found by one look.
 *
 * `tasks.place` orders what waits (ports/task-place.ts); `turns` holds the last place of each tenant in a queue.
 *
 * Artifacts go with their run by a trigger: a process of an older Baton that still has the file open purges runs
 * without knowing them, and the row id of a run that is gone may be given to another tenant's.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL,
    sequence INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    run_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT,
    status TEXT,
    started_at INTEGER,
    finished_at INTEGER,
    UNIQUE (tenant, run_id)
  ) STRICT;
  CREATE INDEX runs_by_start ON runs (tenant, started_at) WHERE started_at IS NOT NULL;
  CREATE INDEX runs_by_status ON runs (tenant, status, started_at) WHERE started_at IS NOT NULL;
  CREATE INDEX runs_finished ON runs (tenant, finished_at) WHERE finished_at IS NOT NULL;

  CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    events TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX history_of_run ON history (run, first_seq);

  CREATE TABLE snapshots (
    run INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    data TEXT NOT NULL
  ) STRICT;

  CREATE TABLE commands (
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    digest TEXT,
    answer TEXT NOT NULL,
    PRIMARY KEY (run, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE tasks (
    run INTEGER NOT NULL,
    slot TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    queue TEXT NOT NULL,
    seq INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    claimable_at INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_ms INTEGER NOT NULL DEFAULT 0,
    claimed_at INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    recalled_at INTEGER,
    heartbeat TEXT,
    PRIMARY KEY (run, slot)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tasks_queue ON tasks (queue, claimable_at, seq) WHERE recalled_at IS NULL;
  CREATE INDEX tasks_recalled ON tasks (claimable_at, seq) WHERE recalled_at IS NOT NULL;

  CREATE TABLE timers (
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    claimable_at INTEGER NOT NULL,
    owner TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX timers_due ON timers (claimable_at);

  CREATE TABLE messages (
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    target_tenant TEXT NOT NULL,
    target_run TEXT NOT NULL,
    body TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    claimable_at INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_waiting ON messages (claimable_at, seq);

  CREATE TABLE definitions (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    document TEXT NOT NULL,
    description TEXT,
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, version)
  ) STRICT;
  CREATE UNIQUE INDEX definitions_by_hash ON definitions (tenant, hash, name);

  CREATE TABLE kv (
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (namespace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX kv_expiring ON kv (expires_at) WHERE expires_at IS NOT NULL;
  `,
  `
  ALTER TABLE runs ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX runs_awaiting_person ON runs (tenant, started_at) WHERE marks & 1;
  CREATE INDEX runs_with_checkpoints ON runs (tenant, started_at) WHERE marks & 2;

  CREATE TABLE artifacts (
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (run, id)
  ) STRICT;
  CREATE TRIGGER artifacts_of_removed_run AFTER DELETE ON runs
    BEGIN DELETE FROM artifacts WHERE run = OLD.id; END;
  `,
  `
  ALTER TABLE tasks ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
  UPDATE tasks SET place = seq;
  DROP INDEX tasks_queue;
  CREATE INDEX tasks_queue ON tasks (queue, claimable_at, place) WHERE recalled_at IS NULL;

  CREATE TABLE turns (
    queue TEXT NOT NULL,
    priority TEXT NOT NULL,
    tenant TEXT NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (queue, priority, tenant)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO turns (queue, priority, tenant, place)
    SELECT t.queue, 'normal', r.tenant, max(t.place) FROM tasks t JOIN runs r ON r.id = t.run
    GROUP BY t.queue, r.tenant;
  `,
  `
  CREATE TABLE bus_messages (
    entry INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    total_bytes INTEGER NOT NULL,
    messages TEXT NOT NULL
  ) STRICT;
  CREATE INDEX bus_messages_by_bytes ON bus_messages (total_bytes);

  CREATE TABLE bus_ids (
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    id TEXT NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (tenant, topic, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX bus_ids_by_entry ON bus_ids (entry);

  CREATE TABLE feed_floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entry INTEGER NOT NULL
  ) STRICT;

  CREATE TRIGGER feed_number_kept AFTER DELETE ON history
    WHEN NOT EXISTS (SELECT 1 FROM history WHERE id > OLD.id)
    BEGIN INSERT INTO history (id, run, first_seq, events) VALUES (OLD.id, 0, OLD.id, ''); END;
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;
