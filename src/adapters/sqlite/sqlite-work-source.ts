import { MAX_HEARTBEAT_CHARS } from '../../ports/work-source.ts';
import type { Claimed, Lease, WorkSource } from '../../ports/work-source.ts';
import { prepareEngineClaims } from './claim-engine-work.ts';
import { prepareTaskClaims } from './claim-tasks.ts';
import { prepareOpenWork } from './open-work.ts';
import type { SqliteSession } from './sqlite-session.ts';

export function createSqliteWorkSource(session: SqliteSession): WorkSource {
  const { db, clock, leases, sequence, writes, notices } = session;
  const tasks = prepareTaskClaims(db, sequence);
  const engine = prepareEngineClaims(db, sequence);
  const openWork = prepareOpenWork(db);

  /** Looks before it writes: an idle process must not keep others from the file's one write lock. */
  const claim = async <Work>(
    lookAhead: () => number | undefined,
    take: () => Claimed<Work>,
  ): Promise<Claimed<Work>> => {
    if (!writes.hasPending()) {
      const dueAtMs = await session.read(lookAhead);
      if (dueAtMs === undefined) return { work: [] };
      if (dueAtMs > clock.now()) return { work: [], nextDueAtMs: dueAtMs };
    }
    return writes.submit(take);
  };

  const release = async (lease: Lease): Promise<void> => {
    const released = await writes.submit(() => leases.release(lease));
    if (released) notices.notify({ key: lease.key, work: true });
  };

  return {
    claimTasks: (request) =>
      claim(
        () => tasks.nextDueAtMs(request.queues),
        () => tasks.claim(request, clock.now()),
      ),
    claimEngineWork: (request) =>
      claim(
        () => engine.nextDueAtMs(),
        () => engine.claim(request, clock.now()),
      ),
    renew: async (lease, durationMs, heartbeat) => {
      const payload = serialise(heartbeat);
      return writes.submit(() => {
        const expiresAtMs = clock.now() + durationMs;
        const cancelRequested = leases.renew(lease, expiresAtMs, durationMs, payload);
        return cancelRequested === undefined
          ? { kind: 'leaseLost' }
          : { kind: 'renewed', lease: { ...lease, expiresAtMs }, cancelRequested };
      });
    },
    release,
    discard: async (lease) => {
      await writes.submit(() => leases.discard(lease));
    },
    openWork: (key) => session.readTogether(() => openWork.ofRun(key)),
    queueDepths: () => session.read(() => openWork.queueDepths(clock.now())),
  };
}

function serialise(heartbeat: unknown): string | null {
  if (heartbeat === undefined) return null;
  const payload = JSON.stringify(heartbeat);
  if (payload.length > MAX_HEARTBEAT_CHARS)
    throw new RangeError(
      `a heartbeat payload has at most ${MAX_HEARTBEAT_CHARS} characters of JSON`,
    );
  return payload;
}
