import type { Json } from '../../domain/json.ts';
import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import type { CommitRequest, CommitResult } from '../../ports/run-store.ts';
import { handOn, scheduleWork } from './commit-work.ts';
import type { MemoryDatabase, MemoryRun } from './memory-database.ts';
import { copyOf } from './run-reads.ts';

/** Checks everything, then writes; what is refused has written nothing. */
export function commit(
  database: MemoryDatabase,
  request: CommitRequest,
  nowMs: number,
): CommitResult {
  const run = database.findRun(request.key);
  return (
    findRepeated(run, request) ??
    findLost(database, request) ??
    findConflict(run, request) ??
    write(database, run ?? database.createRun(request.key), request, nowMs)
  );
}

function findRepeated(
  run: MemoryRun | undefined,
  { commands }: CommitRequest,
): CommitResult | undefined {
  for (const { id, digest } of commands) {
    const recorded = run?.commands.get(id);
    if (!recorded) continue;
    if (recorded.digest !== digest) return { kind: 'keyReused', commandId: id };
    // Written by JSON.stringify of a Json.
    return { kind: 'duplicate', commandId: id, answer: JSON.parse(recorded.answer) as Json };
  }
  return undefined;
}

function findLost(database: MemoryDatabase, { commands }: CommitRequest): CommitResult | undefined {
  const lost = commands.find(
    ({ acknowledge }, at) =>
      acknowledge && (!database.held(acknowledge) || isAcknowledgedEarlier(commands, at)),
  );
  return lost && { kind: 'leaseLost', commandId: lost.id };
}

function findConflict(
  run: MemoryRun | undefined,
  { expectedVersion }: CommitRequest,
): CommitResult | undefined {
  const actualVersion = run?.events.length ?? 0;
  return actualVersion === expectedVersion ? undefined : { kind: 'versionConflict', actualVersion };
}

function write(
  database: MemoryDatabase,
  run: MemoryRun,
  request: CommitRequest,
  nowMs: number,
): CommitResult {
  const first = run.events.length;
  const count = request.events.length;
  run.events.push(...request.events);
  if (count > 0) database.feed.append({ kind: 'commit', run, first, count, atMs: nowMs });
  if (request.snapshot) run.snapshot = { ...request.snapshot };
  if (request.index) run.index = copyOf(request.index);
  const leases = request.commands.map(({ id, digest, answer, acknowledge, continueWith }) => {
    run.commands.set(id, { digest, answer: JSON.stringify(answer) });
    if (acknowledge && continueWith) return handOn(database, run, acknowledge, continueWith, nowMs);
    if (acknowledge) database.removeHeld(acknowledge);
    return undefined;
  });
  scheduleWork(database, run, request, nowMs);
  return { kind: 'committed', version: run.events.length, leases };
}
