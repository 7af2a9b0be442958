import { StoreUnavailableError } from '../../ports/run-store.ts';
import { DAMAGE_ADVICE } from './store-file-error.ts';

// Primary result codes of SQLite (https://sqlite.org/rescode.html).
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** The primary result code, or `undefined` when the error is not SQLite's. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Another connection holds what this one needs: worth trying again. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

export function isCorrupt(error: unknown): boolean {
  const code = resultCode(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the port's error says of SQLite's. */
export function storeTrouble(error: unknown): string {
  const reason = `SQLite: ${describeFailure(error)}`;
  return isCorrupt(error) ? `${reason}: the file is damaged; ${DAMAGE_ADVICE}` : reason;
}

/** The transaction did not begin: nothing was written in this try. Who tries again may have had another end before. */
export class NotBegunError extends StoreUnavailableError {}

/** SQLite's errors become the port's; a defect of ours passes through and is seen. */
export function asUnavailable(error: unknown): unknown {
  return resultCode(error) === undefined
    ? error
    : new StoreUnavailableError(storeTrouble(error), { cause: error });
}
