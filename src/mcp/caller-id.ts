import type { Caller } from '../application/access/access.ts';

/** Tells callers apart: two requests with the same id were let in by the same key, or both are the local user's. */
export function callerIdOf({ tenant, key }: Caller): string {
  return JSON.stringify([tenant, key?.id ?? null]);
}
