import type { Json } from '../../domain/json.ts';
import type { RunKey } from '../../ports/run-store.ts';
import type { OpenTask, OpenWork, QueueDepth } from '../../ports/work-source.ts';
import type { MemoryDatabase, MemoryTask } from './memory-database.ts';

export function openWork(database: MemoryDatabase, key: RunKey): OpenWork {
  const run = database.findRun(key);
  if (!run) return { tasks: [], timers: [], messages: 0 };
  return {
    tasks: [...run.tasks.values()].sort((a, b) => byText(a.id, b.id)).map(toOpenTask),
    timers: [...run.timers.values()]
      .sort((a, b) => a.dueAtMs - b.dueAtMs || byText(a.id, b.id))
      .map(({ id, dueAtMs }) => ({ timerId: id, dueAtMs })),
    messages: run.messages.size,
  };
}

function toOpenTask(task: MemoryTask): OpenTask {
  const { owner, heartbeat } = task;
  return {
    slot: task.id,
    attempt: task.attempt,
    queue: task.queue,
    deliveries: task.deliveries,
    recalled: task.recalledAtMs !== undefined,
    // Written by JSON.stringify of a Json.
    ...(heartbeat === undefined ? {} : { heartbeat: JSON.parse(heartbeat) as Json }),
    ...(owner === undefined
      ? {}
      : { lease: { owner, expiresAtMs: task.claimableAtMs, claimedAtMs: task.claimedAtMs } }),
  };
}

export function queueDepths(database: MemoryDatabase, nowMs: number): readonly QueueDepth[] {
  const byQueue = new Map<string, QueueDepth>();
  for (const run of database.runs.values()) {
    for (const task of run.tasks.values()) {
      if (task.recalledAtMs !== undefined) continue;
      const depth = byQueue.get(task.queue) ?? { queue: task.queue, waiting: 0, leased: 0 };
      byQueue.set(task.queue, count(depth, task, nowMs));
    }
  }
  return [...byQueue.values()].sort((a, b) => byText(a.queue, b.queue));
}

function count(depth: QueueDepth, task: MemoryTask, nowMs: number): QueueDepth {
  if (task.claimableAtMs > nowMs) return { ...depth, leased: depth.leased + 1 };
  const oldestWaitingSinceMs = Math.min(depth.oldestWaitingSinceMs ?? Infinity, task.enqueuedAtMs);
  return { ...depth, waiting: depth.waiting + 1, oldestWaitingSinceMs };
}

/** By code unit, the same on every machine. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
