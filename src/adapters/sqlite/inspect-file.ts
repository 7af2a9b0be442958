import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';
import { describeFailure, isBusy, isCorrupt } from './sqlite-failure.ts';
import { StoreFileError } from './store-file-error.ts';
import { integer, prepare } from './statement.ts';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';

interface FileMarks {
  readonly applicationId: number;
  readonly schemaVersion: number;
  /** Nothing was ever created in it. */
  readonly empty: boolean;
}

/**
 * Throws StoreFileError unless the file is absent, empty, or a Baton database of this or an older schema. Reads only:
 * SQLite itself would fold a leftover write-ahead log into the file of a newer Baton when it closes it.
 */
export function inspectFile(path: string): void {
  const marks = refusing(path, () => (hasLog(path) ? readMarks(path) : readHeader(path)));
  if (marks === undefined || marks.empty) return;
  if (marks.applicationId !== APPLICATION_ID)
    throw new StoreFileError('foreign', path, `application id ${marks.applicationId}`);
  assertKnownVersion(path, marks.schemaVersion);
}

export function assertKnownVersion(path: string, version: number): void {
  if (version > SCHEMA_VERSION)
    throw new StoreFileError(
      'newer',
      path,
      `schema ${version}, this Baton knows ${SCHEMA_VERSION}`,
    );
}

/** Runs what opens or reads the file; its failures come out as StoreFileError, a lock held by others as it is. */
export function refusing<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreFileError || isBusy(error)) throw error;
    const code = isCorrupt(error) ? 'corrupt' : 'unreadable';
    throw new StoreFileError(code, path, describeFailure(error), error);
  }
}

/** The marks as of the last checkpoint, which without a log is all there is. */
function readHeader(path: string): FileMarks | undefined {
  if (sizeOf(path) === 0) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new StoreFileError('corrupt', path, 'no SQLite header');
  // Another process creates or migrates it just now: half of its pages may have been copied into the file.
  if (hasLog(path)) return readMarks(path);
  assertComplete(path, header);
  return {
    schemaVersion: header.readInt32BE(60),
    applicationId: header.readInt32BE(68),
    // The schema cookie counts changes of the schema.
    empty: header.readInt32BE(68) === 0 && header.readInt32BE(40) === 0,
  };
}

/** The header knows how many pages there must be (https://sqlite.org/fileformat2.html). */
function assertComplete(path: string, header: Buffer): void {
  const size = sizeOf(path);
  const pageSize = header.readUInt16BE(16);
  const expected = header.readUInt32BE(28) * (pageSize === 1 ? 65_536 : pageSize);
  if (size < expected)
    throw new StoreFileError('corrupt', path, `${size} bytes where ${expected} belong`);
}

function readMarks(path: string): FileMarks {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    const number = (sql: string): number => integer(prepare(db, sql).row() ?? [], 0);
    // One snapshot: between two reads another process may create what makes the file look foreign.
    db.exec('BEGIN');
    const applicationId = number('PRAGMA application_id');
    return {
      applicationId,
      schemaVersion: number('PRAGMA user_version'),
      empty: applicationId === 0 && number('SELECT count(*) FROM sqlite_schema') === 0,
    };
  } finally {
    db.close();
  }
}

function hasLog(path: string): boolean {
  return sizeOf(`${path}-wal`) > 0;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
