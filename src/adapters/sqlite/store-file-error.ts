export type StoreFileErrorCode = 'newer' | 'corrupt' | 'foreign' | 'unreadable';

const REASONS: Record<StoreFileErrorCode, string> = {
  newer: 'was written by a newer Baton; use that version or another file',
  corrupt: 'is damaged or no SQLite database; restore a backup or name another file',
  foreign: 'is a database of another program; name another file',
  unreadable: 'cannot be opened; check the path, its permissions and the disk',
};

/** The database file cannot be used as it is. Nothing in it was changed. */
export class StoreFileError extends Error {
  readonly code: StoreFileErrorCode;
  readonly path: string;

  constructor(code: StoreFileErrorCode, path: string, detail: string, cause?: unknown) {
    super(`${path} ${REASONS[code]} (${detail}). Nothing was changed.`, { cause });
    this.name = 'StoreFileError';
    this.code = code;
    this.path = path;
  }
}
