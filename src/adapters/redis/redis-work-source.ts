import type { Json } from '../../domain/json.ts';
import type { OpenTask, OpenWork, QueueDepth, WorkSource } from '../../ports/work-source.ts';
import { claimEngineWork, claimTasks } from './claims.ts';
import { discard, release, renew } from './leases.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list, optionalInteger, optionalText, text } from './reply.ts';
import type { Reply } from './reply.ts';
import { TenantTurns } from './tenant-turns.ts';
import type { WakeUps } from './wake-ups.ts';

export function createRedisWorkSource(session: RedisSession, wakeUps: WakeUps): WorkSource {
  const perform = session.perform.bind(session);
  const turns = new TenantTurns();
  return {
    claimTasks: (request) => perform(() => claimTasks(session, turns, request)),
    claimEngineWork: (request) => perform(() => claimEngineWork(session, request)),
    renew: (lease, durationMs, heartbeat) =>
      perform(() => renew(session, lease, durationMs, heartbeat)),
    release: async (lease) => {
      if (await perform(() => release(session, lease)))
        wakeUps.notify({ key: lease.key, work: true });
    },
    discard: (lease) => perform(() => discard(session, lease)),
    openWork: (key) =>
      perform(async () => {
        const args = [key.tenant, key.runId];
        return readOpenWork(await session.call('open_work', session.shardOfRun(key), args));
      }),
    queueDepths: () =>
      perform(async () => mergeDepths(await session.callAll('queue_depths', [session.now]))),
  };
}

function readOpenWork(reply: Reply): OpenWork {
  const [tasks, timers, messages] = list(reply);
  return {
    tasks: list(tasks)
      .map(readOpenTask)
      .sort((a, b) => byText(a.slot, b.slot)),
    timers: list(timers)
      .map((timer) => ({ timerId: text(list(timer)[0]), dueAtMs: integer(list(timer)[1]) }))
      .sort((a, b) => a.dueAtMs - b.dueAtMs || byText(a.timerId, b.timerId)),
    messages: integer(messages),
  };
}

/** In the order that open_work of read.lua names. */
function readOpenTask(reply: Reply): OpenTask {
  const values = list(reply);
  const heartbeat = optionalText(values[5]);
  const owner = optionalText(values[6]);
  return {
    slot: text(values[0]),
    attempt: integer(values[1]),
    queue: text(values[2]),
    deliveries: integer(values[3]),
    recalled: values[4] === '1',
    // Written by JSON.stringify of a Json.
    ...(heartbeat === undefined ? {} : { heartbeat: JSON.parse(heartbeat) as Json }),
    ...(owner === undefined
      ? {}
      : { lease: { owner, expiresAtMs: integer(values[7]), claimedAtMs: integer(values[8]) } }),
  };
}

function mergeDepths(replies: readonly Reply[]): readonly QueueDepth[] {
  const byQueue = new Map<string, QueueDepth>();
  for (const reply of replies.flatMap(list)) {
    const [queue, waiting, leased, oldest] = list(reply);
    const name = text(queue);
    const known = byQueue.get(name);
    const since = Math.min(
      optionalInteger(oldest) ?? Infinity,
      known?.oldestWaitingSinceMs ?? Infinity,
    );
    byQueue.set(name, {
      queue: name,
      waiting: integer(waiting) + (known?.waiting ?? 0),
      leased: integer(leased) + (known?.leased ?? 0),
      ...(since === Infinity ? {} : { oldestWaitingSinceMs: since }),
    });
  }
  return [...byQueue.values()].sort((a, b) => byText(a.queue, b.queue));
}

/** By code unit, the same on every machine. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
