import type { Json } from '../../domain/json.ts';
import { MAX_HEARTBEAT_CHARS } from '../../ports/work-source.ts';
import type { Lease, RenewResult } from '../../ports/work-source.ts';
import type { MemoryDatabase, MemoryItem } from './memory-database.ts';

export function assertHeartbeat(heartbeat: Json | undefined): void {
  if (heartbeat !== undefined && JSON.stringify(heartbeat).length > MAX_HEARTBEAT_CHARS)
    throw new RangeError(
      `a heartbeat payload has at most ${MAX_HEARTBEAT_CHARS} characters of JSON`,
    );
}

export function renew(
  database: MemoryDatabase,
  lease: Lease,
  durationMs: number,
  heartbeat: Json | undefined,
  nowMs: number,
): RenewResult {
  const item = database.held(lease);
  if (!item) return { kind: 'leaseLost' };
  item.leaseMs = durationMs;
  item.claimableAtMs = nowMs + durationMs;
  const task = taskOf(item, lease);
  if (task && heartbeat !== undefined) task.heartbeat = JSON.stringify(heartbeat);
  place(database, item, lease);
  return {
    kind: 'renewed',
    lease: { ...lease, expiresAtMs: item.claimableAtMs },
    cancelRequested: task?.recalledAtMs !== undefined,
  };
}

/** Answers whether there was something to give back. */
export function release(database: MemoryDatabase, lease: Lease): boolean {
  const item = database.held(lease);
  if (!item) return false;
  item.owner = undefined;
  item.claimableAtMs = lease.item === 'timer' ? (item.run.timers.get(item.id)?.dueAtMs ?? 0) : 0;
  const task = taskOf(item, lease);
  if (task) task.deliveries -= 1;
  place(database, item, lease);
  return true;
}

function taskOf(item: MemoryItem, lease: Lease) {
  return lease.item === 'task' ? item.run.tasks.get(item.id) : undefined;
}

function place(database: MemoryDatabase, { run, id }: MemoryItem, lease: Lease): void {
  const task = lease.item === 'task' ? run.tasks.get(id) : undefined;
  const timer = lease.item === 'timer' ? run.timers.get(id) : undefined;
  const message = lease.item === 'message' ? run.messages.get(id) : undefined;
  if (task) database.placeTask(task);
  if (timer) database.timers.place(timer);
  if (message) database.messages.place(message);
}
