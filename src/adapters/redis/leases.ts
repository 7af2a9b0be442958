import type { Json } from '../../domain/json.ts';
import { MAX_HEARTBEAT_CHARS } from '../../ports/work-source.ts';
import type { Lease, RenewResult } from '../../ports/work-source.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list } from './reply.ts';
import type { Reply } from './reply.ts';

/** What only the holder of a lease may do; see functions/lease.lua. */
function call(
  session: RedisSession,
  operation: 'renew' | 'release' | 'discard',
  { key, item, id, owner, fence }: Lease,
  ...more: readonly string[]
): Promise<Reply> {
  const args = [session.now, session.writer, item, key.tenant, key.runId, id, owner, String(fence)];
  return session.call(operation, session.shardOfRun(key), [...args, ...more]);
}

export async function renew(
  session: RedisSession,
  lease: Lease,
  durationMs: number,
  heartbeat: Json | undefined,
): Promise<RenewResult> {
  const payload = heartbeat === undefined ? [''] : ['1', serialise(heartbeat)];
  const reply = list(await call(session, 'renew', lease, String(durationMs), ...payload));
  if (reply.length === 0) return { kind: 'leaseLost' };
  const expiresAtMs = integer(reply[0]);
  return { kind: 'renewed', lease: { ...lease, expiresAtMs }, cancelRequested: reply[1] === '1' };
}

/** Renews for as long as the last claim or renewal asked for; false: the lease is lost. */
export async function extend(session: RedisSession, lease: Lease): Promise<boolean> {
  return list(await call(session, 'renew', lease, '', '')).length > 0;
}

/** Answers whether there was something to give back. */
export async function release(session: RedisSession, lease: Lease): Promise<boolean> {
  return (await call(session, 'release', lease)) === 1;
}

export async function discard(session: RedisSession, lease: Lease): Promise<void> {
  await call(session, 'discard', lease);
}

function serialise(heartbeat: Json): string {
  const payload = JSON.stringify(heartbeat);
  if (payload.length > MAX_HEARTBEAT_CHARS)
    throw new RangeError(
      `a heartbeat payload has at most ${MAX_HEARTBEAT_CHARS} characters of JSON`,
    );
  return payload;
}
