import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import type { Breakers, OpenBreaker } from '../../ports/breakers.ts';
import { isoTime } from '../runs/step-view.ts';

/** Breakers that a worker tells of. */
const MAX_TOLD = 20;

export const openBreakerSchema = z.object({
  target: z.string(),
  state: z.enum(['open', 'half_open']),
  failures: z.number().int(),
  sinceMs: z.number(),
  nextProbeAtMs: z.number(),
  lastError: z.string(),
}) satisfies z.ZodType<OpenBreaker>;

/** An open breaker, and whose it is. */
export interface SeenBreaker extends OpenBreaker {
  /** Worker id; absent: this process, or one that all share. */
  readonly worker?: string;
}

/** What others cannot know: the store's own breaker they see by themselves. */
export function toldBreakers(breakers: Breakers | undefined): OpenBreaker[] {
  const own = breakers?.list().filter(({ target }) => target.includes(':')) ?? [];
  return own.slice(0, MAX_TOLD);
}

/** This process's own come once, though its worker tells of them too. */
export function seenBreakers(
  own: Breakers | undefined,
  workers: readonly { readonly workerId: string; readonly breakers?: OpenBreaker[] | undefined }[],
): readonly SeenBreaker[] {
  const here = own?.list() ?? [];
  const isHere = ({ target, sinceMs }: OpenBreaker): boolean =>
    here.some((one) => one.target === target && one.sinceMs === sinceMs);
  const told = workers.flatMap(({ workerId, breakers = [] }) =>
    breakers.filter((one) => !isHere(one)).map((one) => ({ ...one, worker: workerId })),
  );
  return [...here, ...told];
}

/** One line of it: since when, why, and when it is tried next. */
export function breakerText(breaker: SeenBreaker): string {
  const { target, state, failures, sinceMs, nextProbeAtMs, lastError, worker } = breaker;
  const next =
    state === 'half_open' ? 'is being tried now' : `next trial ${isoTime(nextProbeAtMs)}`;
  const seen = worker === undefined ? '' : ` at worker ${worker}`;
  return `${target} fails since ${isoTime(sinceMs)}${seen} (${failures} in a row; ${next}): ${lastError}`;
}

export function viewBreaker(breaker: SeenBreaker): JsonObject {
  const { target, state, failures, sinceMs, nextProbeAtMs, lastError, worker } = breaker;
  return {
    target,
    state,
    failures,
    since: isoTime(sinceMs),
    next_trial_at: isoTime(nextProbeAtMs),
    last_error: lastError,
    ...(worker !== undefined && { worker_id: worker }),
  };
}
