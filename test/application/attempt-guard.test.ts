import { beforeEach, describe, expect, it } from 'vitest';
import { AttemptGuard } from '../../src/application/engine/attempt-guard.ts';
import { PendingCalls } from '../../src/application/engine/pending-calls.ts';
import type { Json } from '../../src/domain/json.ts';
import type { ClaimedTask } from '../../src/ports/work-source.ts';
import { createInstallation, TestProcess, type Installation } from '../support/application.ts';
import { cancel, work, workflow } from '../support/given.ts';

const LEASE_MS = 9_000;
let installation: Installation;
let here: TestProcess;

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
});

async function claimed(): Promise<ClaimedTask> {
  await here.start(workflow([work('a')]));
  const { work: tasks } = await here.store.claimTasks({
    owner: 'w1',
    queues: ['shell:true'],
    limit: 1,
    leaseDurationMs: LEASE_MS,
  });
  if (tasks[0] === undefined) throw new Error('nothing to claim');
  return tasks[0];
}

async function guarded(
  step: { timeoutMs?: number; heartbeatMs?: number } = {},
): Promise<AttemptGuard> {
  const limits = { timeoutMs: step.timeoutMs, heartbeatMs: step.heartbeatMs };
  return new AttemptGuard(
    {
      store: here.store,
      clock: here.clock,
      logger: here.logger,
      leaseDurationMs: LEASE_MS,
      calls: new PendingCalls(here.clock),
    },
    await claimed(),
    limits,
  );
}

/** Time passes; then the watch ticks. */
async function tickAfter(guard: AttemptGuard, ms: number): Promise<void> {
  await here.clock.advance(ms);
  guard.tick();
  await here.clock.advance(0);
}

describe('an attempt guard', () => {
  it('renews when a third of the lease has passed, not before', async () => {
    const guard = await guarded();
    const { expiresAtMs } = guard.lease;
    expect(guard.nextTickAtMs).toBe(here.clock.now() + LEASE_MS / 3);
    await tickAfter(guard, LEASE_MS / 3 - 1);
    expect(guard.lease.expiresAtMs).toBe(expiresAtMs);
    await tickAfter(guard, 1);
    expect(guard.lease.expiresAtMs).toBe(here.clock.now() + LEASE_MS);
    expect(guard.nextTickAtMs).toBe(here.clock.now() + LEASE_MS / 3);
  });

  it('keeps one renewal in flight however late the store answers', async () => {
    const guard = await guarded();
    const answer = here.hold('renew');
    await tickAfter(guard, LEASE_MS / 3);
    await tickAfter(guard, LEASE_MS / 3);
    answer();
    await here.clock.advance(0);
    expect(guard.stopReason).toBeUndefined();
    expect(guard.lease.expiresAtMs).toBe(here.clock.now() + LEASE_MS);
  });

  it('asks to be woken for whatever comes first', async () => {
    const nowMs = here.clock.now();
    expect((await guarded({ timeoutMs: 500 })).nextTickAtMs).toBe(nowMs + 500);
    const beating = await guarded({ timeoutMs: 2_000, heartbeatMs: 400 });
    expect(beating.nextTickAtMs).toBe(nowMs + 400);
    await here.clock.advance(300);
    beating.beat(null);
    expect(beating.nextTickAtMs).toBe(nowMs + 700);
  });

  it('counts a payload that is no acceptable JSON as a beat, and keeps the last one', async () => {
    const guard = await guarded({ heartbeatMs: 400 });
    guard.beat({ at: 1 });
    await here.clock.advance(300);
    guard.beat(JSON.parse('['.repeat(2_500) + ']'.repeat(2_500)) as Json);
    guard.beat(JSON.parse('{"__proto__":1}') as Json);
    expect(guard.heartbeat).toEqual({ at: 1 });
    expect(guard.nextTickAtMs).toBe(here.clock.now() + 400);
  });

  it('after a stop is only woken for renewals', async () => {
    const guard = await guarded({ timeoutMs: 500 });
    await tickAfter(guard, 500);
    expect(guard.stopReason).toBe('timeout');
    expect(guard.nextTickAtMs).toBe(here.clock.now() + LEASE_MS / 3 - 500);
  });

  it('keeps the first reason to stop, but for a lost lease', async () => {
    const guard = await guarded({ timeoutMs: 500 });
    guard.stopFor('shutdown');
    await tickAfter(guard, 500);
    expect(guard.stopReason).toBe('shutdown');
    guard.stopFor('lease_lost');
    expect(guard.stopReason).toBe('lease_lost');
    guard.stopFor('timeout');
    expect(guard.stopReason).toBe('lease_lost');
    expect(guard.signal.aborted).toBe(true);
  });

  it('learns of a cancellation from a renewal', async () => {
    const guard = await guarded();
    await new TestProcess(installation).send(guard.lease.key, cancel);
    await tickAfter(guard, LEASE_MS / 3);
    expect(guard.stopReason).toBe('cancelled');
  });

  it('does not renew what is lost', async () => {
    const guard = await guarded();
    guard.stopFor('lease_lost');
    const { expiresAtMs } = guard.lease;
    await tickAfter(guard, LEASE_MS / 3);
    expect(guard.lease.expiresAtMs).toBe(expiresAtMs);
  });

  it('reports a defect of a release', async () => {
    const guard = await guarded();
    const defect = new Error('a bug');
    here.store.release = async () => {
      throw defect;
    };
    await expect(guard.release()).rejects.toBe(defect);
  });
});
