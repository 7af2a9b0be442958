export type StoreFileErrorCode = 'newer' | 'corrupt' | 'foreign' | 'unreadable';

/** Whatever is tried on a damaged file may destroy what can still be read of it. */
export const DAMAGE_ADVICE =
  'before anything else keep a copy of the file and of the -wal file beside it; baton doctor says what is damaged; then restore a backup or name another file';

const REASONS: Record<StoreFileErrorCode, string> = {
  newer: 'was written by a newer Baton; use that version or another file',
  corrupt: `is damaged or no SQLite database; ${DAMAGE_ADVICE}`,
  foreign: 'is a database of another program; name another file',
  unreadable: 'cannot be opened; check the path, its permissions and the disk',
};

/** The database file cannot be used as it is. Nothing in it was changed; who reports it says so. */
export class StoreFileError extends Error {
  readonly code: StoreFileErrorCode;
  readonly path: string;

  constructor(code: StoreFileErrorCode, path: string, detail: string, cause?: unknown) {
    super(`${path} ${REASONS[code]} (${detail})`, { cause });
    this.name = 'StoreFileError';
    this.code = code;
    this.path = path;
  }
}
