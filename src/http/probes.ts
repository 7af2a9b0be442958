import type { Context, MiddlewareHandler } from 'hono';
import type { UseCaseError } from '../application/use-case.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyValueStore } from '../ports/key-value-store.ts';
import type { Logger } from '../ports/logger.ts';
import type { HttpEnv } from './http-env.ts';
import { problemResponse } from './problem.ts';

/** Who asks more often is told what was found last. */
const ASK_EVERY_MS = 500;
const MAX_WAIT_MS = 2_000;

/** The process lives and its event loop turns: says nothing of the store. */
export function isAlive(): Response {
  return answer(200, 'ok');
}

export interface ReadinessSources {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
}

/**
 * 200 while the store can be read and the server takes requests, else 503. Says nothing of writing: a probe that wrote would
 * cost the disk a sync each time. Costs the store a read twice a second at most.
 */
export function createReadiness(sources: ReadinessSources): MiddlewareHandler {
  const { store, clock, logger, isDraining } = sources;
  let last: { readonly atMs: number; readonly answers: Promise<boolean> } | undefined;
  const ask = async (): Promise<boolean> => {
    const answered = new AbortController();
    try {
      const reading = store.getValue('health', 'probe').then(() => true);
      const late = clock.sleep(MAX_WAIT_MS, answered.signal).then(() => false);
      return await Promise.race([reading, late]);
    } catch (error) {
      logger.warn({ error: String(error) }, 'not ready: the store does not answer');
      return false;
    } finally {
      answered.abort();
    }
  };
  return async () => {
    if (isDraining()) return answer(503, 'shutting_down');
    const nowMs = clock.now();
    if (last === undefined || nowMs - last.atMs >= ASK_EVERY_MS)
      last = { atMs: nowMs, answers: ask() };
    return (await last.answers) ? answer(200, 'ready') : answer(503, 'store_unavailable');
  };
}

/** For every other method (RFC 9110, 15.5.6). */
export function onlyRead(c: Context<HttpEnv>): Response {
  return problemResponse(c, ONLY_READ, 405, { Allow: 'GET, HEAD' });
}

const ONLY_READ: UseCaseError = {
  code: 'method_not_allowed',
  message: 'This path takes GET, HEAD.',
  changed: 'nothing',
  next: 'Send GET.',
};

/** Without a word more: nobody has been asked who he is. */
function answer(status: number, text: string): Response {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return new Response(JSON.stringify({ status: text }), { status, headers });
}
