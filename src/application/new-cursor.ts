import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/id-source.ts';

/** A word that no answer held before: some clients stop at the fifth identical call. */
export function newCursor({
  clock,
  ids,
}: {
  readonly clock: Clock;
  readonly ids: IdSource;
}): string {
  return `${clock.now().toString(36)}${ids.newId().slice(0, 4)}`;
}
