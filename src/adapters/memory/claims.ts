import type { Json } from '../../domain/json.ts';
import type {
  Claimed,
  ClaimedTask,
  EngineWork,
  Lease,
  WorkSource,
} from '../../ports/work-source.ts';
import type {
  MemoryDatabase,
  MemoryItem,
  MemoryMessage,
  MemoryTask,
  MemoryTimer,
} from './memory-database.ts';

type TaskRequest = Parameters<WorkSource['claimTasks']>[0];
type EngineRequest = Parameters<WorkSource['claimEngineWork']>[0];

export function claimTasks(
  database: MemoryDatabase,
  request: TaskRequest,
  nowMs: number,
): Claimed<ClaimedTask> {
  const lines = [...new Set(request.queues)].flatMap((queue) => database.linesOf(queue));
  const found = lines.flatMap((line) => line.take(nowMs, request.limit));
  found.sort((a, b) => a.place - b.place || a.seq - b.seq);
  const work = found.slice(0, request.limit).map((task) => {
    const lease = takeLease(database, task, 'task', request, nowMs);
    task.claimedAtMs = nowMs;
    task.deliveries += 1;
    return toClaimedTask(task, lease);
  });
  for (const task of found) database.placeTask(task);
  return withNextDue(work, lines, nowMs);
}

interface Candidate {
  readonly ageMs: number;
  claim(): EngineWork;
  place(): void;
}

export function claimEngineWork(
  database: MemoryDatabase,
  request: EngineRequest,
  nowMs: number,
): Claimed<EngineWork> {
  const { timers, recalled, messages } = database;
  const lease = (item: MemoryItem, kind: Lease['item']): Lease =>
    takeLease(database, item, kind, request, nowMs);
  const found: Candidate[] = [
    ...timers.take(nowMs, request.limit).map((timer) => ({
      ageMs: timer.dueAtMs,
      claim: () => toTimer(timer, lease(timer, 'timer')),
      place: () => timers.place(timer),
    })),
    ...recalled.take(nowMs, request.limit).map((task) => ({
      ageMs: task.recalledAtMs ?? 0,
      claim: () => toRecalled(task, lease(task, 'task'), nowMs),
      place: () => recalled.place(task),
    })),
    ...messages.take(nowMs, request.limit).map((message) => ({
      ageMs: message.postedAtMs,
      claim: () => toMessage(message, lease(message, 'message')),
      place: () => messages.place(message),
    })),
  ];
  found.sort((a, b) => a.ageMs - b.ageMs);
  const work = found.slice(0, request.limit).map((candidate) => candidate.claim());
  for (const candidate of found) candidate.place();
  return withNextDue(work, [timers, recalled, messages], nowMs);
}

function takeLease(
  database: MemoryDatabase,
  item: MemoryItem,
  kind: Lease['item'],
  { owner, leaseDurationMs }: { readonly owner: string; readonly leaseDurationMs: number },
  nowMs: number,
): Lease {
  item.owner = owner;
  item.fence = database.nextSequence();
  item.leaseMs = leaseDurationMs;
  item.claimableAtMs = nowMs + leaseDurationMs;
  return {
    key: item.run.key,
    item: kind,
    id: item.id,
    owner,
    fence: item.fence,
    expiresAtMs: item.claimableAtMs,
  };
}

function toClaimedTask(task: MemoryTask, lease: Lease): ClaimedTask {
  return {
    slot: task.id,
    attempt: task.attempt,
    queue: task.queue,
    delivery: task.deliveries,
    runVersion: task.run.events.length,
    // Written by JSON.stringify of a Json.
    ...(task.heartbeat === undefined ? {} : { heartbeat: JSON.parse(task.heartbeat) as Json }),
    lease,
  };
}

function toTimer({ id, dueAtMs }: MemoryTimer, lease: Lease): EngineWork {
  return { kind: 'timer', timerId: id, dueAtMs, lease };
}

function toRecalled(task: MemoryTask, lease: Lease, nowMs: number): EngineWork {
  task.claimedAtMs = nowMs;
  task.deliveries += 1;
  return { kind: 'recalled', slot: task.id, attempt: task.attempt, lease };
}

function toMessage({ id, target, body }: MemoryMessage, lease: Lease): EngineWork {
  // Written by JSON.stringify of a Json.
  return { kind: 'message', messageId: id, target, body: JSON.parse(body) as Json, lease };
}

function withNextDue<Work>(
  work: readonly Work[],
  lines: readonly { nextAtMs(): number | undefined }[],
  nowMs: number,
): Claimed<Work> {
  const next = lines.map((line) => line.nextAtMs()).filter((atMs) => atMs !== undefined);
  return next.length === 0 ? { work } : { work, nextDueAtMs: Math.max(nowMs, Math.min(...next)) };
}
