import type { CallAnswer } from '../e2e/baton-process.ts';

/** What a tool's answer says of a request, in the words of an `Outcome`; `defect` is what must never be said. */
export interface ToldAnswer {
  readonly kind: 'committed' | 'rejected' | 'unknownRun' | 'keyReused' | 'unavailable' | 'defect';
}

/** An error that says "Nothing was changed." is taken by its word, and the checker holds it to that. */
export function readAnswer({ isError, text }: CallAnswer): ToldAnswer {
  // A repetition that says "recorded before" is recorded as well.
  if (!isError) return { kind: 'committed' };
  const code = /^error ([a-z_]+):/.exec(text)?.[1];
  if (code === 'unknown_run') return { kind: 'unknownRun' };
  if (code === 'idempotency_key_reused') return { kind: 'keyReused' };
  if (code === 'store_unavailable') return { kind: 'unavailable' };
  const isRefusal = code !== undefined && code !== 'internal_error';
  return { kind: isRefusal && text.includes('Nothing was changed.') ? 'rejected' : 'defect' };
}
