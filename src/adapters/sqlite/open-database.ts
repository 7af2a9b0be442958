import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { assertKnownVersion, inspectFile, refusing } from './inspect-file.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts';
import { StoreFileError } from './store-file-error.ts';
import { integer, prepare, text } from './statement.ts';

/** Older ones can corrupt a write-ahead log that several processes share. */
const OLDEST_SQLITE = [3, 51, 3] as const;
/** The log is copied back after this many pages (16 MiB): fewer copies of hot pages than SQLite's 1,000. */
const CHECKPOINT_PAGES = 4_000;
const LOG_LIMIT_BYTES = 64 * 2 ** 20;
const CACHE_KIB = 65_536;

/** Throws StoreUnavailableError for a linked SQLite that is not safe to use. */
export function assertSqliteVersion(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [at, least] of OLDEST_SQLITE.entries()) {
    const part = parts[at] ?? 0;
    if (part > least) return;
    if (part < least)
      throw new StoreUnavailableError(
        `this Node links SQLite ${version}; several processes on one file need ${OLDEST_SQLITE.join('.')} or newer`,
      );
  }
}

/**
 * Opens or creates the file and brings it to the present schema. Throws StoreFileError (nothing changed), or SQLite's
 * busy error while another process holds the lock: try again. Dying midway leaves the old schema or the new one.
 */
export function openDatabase(path: string): DatabaseSync {
  inspectFile(path);
  const db = refusing(path, () => {
    createPrivateFile(path);
    return new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: false });
  });
  try {
    refusing(path, () => {
      configure(db, path);
      migrate(db, path);
    });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Histories may hold what only their owner should read. */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

function configure(db: DatabaseSync, path: string): void {
  const mode = text(prepare(db, 'PRAGMA journal_mode = WAL').row() ?? [], 0);
  if (mode !== 'wal') throw new StoreFileError('unreadable', path, `journal mode ${mode}, not WAL`);
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES};
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
  `);
  // Elsewhere fsync reaches the disk by itself.
  if (process.platform === 'darwin')
    db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;');
}

function migrate(db: DatabaseSync, path: string): void {
  const readVersion = (): number => integer(prepare(db, 'PRAGMA user_version').row() ?? [], 0);
  const before = readVersion();
  assertKnownVersion(path, before);
  if (before === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been faster.
    applySteps(db, path, readVersion());
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
  // So that the file's own header carries the marks, not only the log. Others may be reading: then they will do it.
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

function applySteps(db: DatabaseSync, path: string, version: number): void {
  assertKnownVersion(path, version);
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  prepare(db, 'INSERT OR IGNORE INTO meta (id, secret, sequence) VALUES (1, ?, 0)').run(
    randomBytes(32).toString('hex'),
  );
}
