import type { CommitRequest, NewTask } from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import { placeIn, placeOf } from '../../ports/task-place.ts';
import { retire } from './memory-database.ts';
import type { MemoryDatabase, MemoryItem, MemoryRun, MemoryTask } from './memory-database.ts';

/** The leased task becomes the next task: its age stays, its old lease dies. */
export function handOn(
  database: MemoryDatabase,
  run: MemoryRun,
  lease: Lease,
  { slot, attempt, queue, priority }: NewTask,
  nowMs: number,
): Lease | undefined {
  const task = run.tasks.get(lease.id);
  if (!task) return undefined;
  run.tasks.delete(lease.id);
  putIn(run.tasks, slot, task);
  const fence = database.nextSequence();
  const expiresAtMs = nowMs + task.leaseMs;
  Object.assign(task, {
    id: slot,
    attempt,
    queue,
    place: placeIn(priority, task.place),
    enqueuedAtMs: nowMs,
    claimedAtMs: nowMs,
    claimableAtMs: expiresAtMs,
    fence,
    deliveries: 1,
    recalledAtMs: undefined,
    heartbeat: undefined,
  } satisfies Partial<MemoryTask>);
  database.placeTask(task);
  return { key: run.key, item: 'task', id: slot, owner: lease.owner, fence, expiresAtMs };
}

/** Applies the lists of a commit in the order that the port names. */
export function scheduleWork(
  database: MemoryDatabase,
  run: MemoryRun,
  request: CommitRequest,
  nowMs: number,
): void {
  for (const task of request.enqueue) enqueue(database, run, task, nowMs);
  for (const slot of request.recall) recall(database, run, slot, nowMs);
  for (const timerId of request.cancelTimers) removeFrom(run.timers, timerId);
  for (const { timerId, dueAtMs } of request.timers) {
    const timer = { ...newItem(database, run, timerId), dueAtMs, claimableAtMs: dueAtMs };
    putIn(run.timers, timerId, timer);
    database.timers.place(timer);
  }
  for (const message of request.messages) post(database, run, message, nowMs);
}

function enqueue(
  database: MemoryDatabase,
  run: MemoryRun,
  { slot, attempt, queue, priority = 'normal' }: NewTask,
  nowMs: number,
): void {
  const item = newItem(database, run, slot);
  const line = database.lineOf(queue, priority);
  const task: MemoryTask = {
    ...item,
    place: line.nextPlace(run.key.tenant, placeOf(item.seq, priority)),
    attempt,
    queue,
    enqueuedAtMs: nowMs,
    claimedAtMs: 0,
    deliveries: 0,
  };
  putIn(run.tasks, slot, task);
  database.placeTask(task);
}

function recall(database: MemoryDatabase, run: MemoryRun, slot: string, nowMs: number): void {
  const task = run.tasks.get(slot);
  if (!task || task.recalledAtMs !== undefined) return;
  task.recalledAtMs = nowMs;
  database.placeTask(task);
}

function post(
  database: MemoryDatabase,
  run: MemoryRun,
  { messageId, target, body }: CommitRequest['messages'][number],
  nowMs: number,
): void {
  if (run.messages.has(messageId)) return;
  const message = {
    ...newItem(database, run, messageId),
    target: { tenant: target.tenant, runId: target.runId },
    body: JSON.stringify(body),
    postedAtMs: nowMs,
  };
  run.messages.set(messageId, message);
  database.messages.place(message);
}

function newItem(database: MemoryDatabase, run: MemoryRun, id: string): MemoryItem {
  const seq = database.nextSequence();
  return {
    run,
    id,
    seq,
    place: seq,
    claimableAtMs: 0,
    stamp: 0,
    fence: 0,
    leaseMs: 0,
  };
}

function putIn<Item extends MemoryItem>(items: Map<string, Item>, id: string, item: Item): void {
  removeFrom(items, id);
  items.set(id, item);
}

function removeFrom(items: Map<string, MemoryItem>, id: string): void {
  const item = items.get(id);
  if (item) retire(item);
  items.delete(id);
}
