import type { RunFacts } from '../support/invariants.ts';

/** The lease of timers, which is not a setting (application/timer-worker.ts). */
const ENGINE_LEASE_MS = 10_000;

/**
 * The longest time, beyond the lease, from when a fault was healed (or the work could be begun, if that was later) until
 * work went on: I11. Ready work that nobody held is measured by the same rule, so that queueing counts against it. 0
 * when all went on within its lease.
 */
export function longestRecoveryMs(
  facts: readonly RunFacts[],
  { healedAtMs, leaseMs }: { readonly healedAtMs: number; readonly leaseMs: number },
): number {
  return Math.max(0, ...facts.map((run) => slowestOf(run, { healedAtMs, leaseMs })));
}

function slowestOf(
  { events }: RunFacts,
  { healedAtMs, leaseMs }: { readonly healedAtMs: number; readonly leaseMs: number },
): number {
  const readyAtMs = new Map<string, number>();
  const lateMs: number[] = [0];
  const wentOn = (work: string, atMs: number, lease: number): void => {
    const readyMs = readyAtMs.get(work);
    if (readyMs !== undefined && atMs > healedAtMs)
      lateMs.push(atMs - Math.max(readyMs, healedAtMs) - lease);
  };
  for (const { body, commandId, occurredAtMs } of events) {
    if (commandId.startsWith('timer:')) wentOn(commandId, occurredAtMs, ENGINE_LEASE_MS);
    if (body.type === 'StepsScheduled')
      for (const { step, attempt } of body.steps) readyAtMs.set(`${step}#${attempt}`, occurredAtMs);
    if (body.type === 'StepWaiting' && body.dueAtMs !== undefined)
      readyAtMs.set(`timer:wait:${body.step}#${body.attempt}`, body.dueAtMs);
    if (body.type === 'StepAttemptFailed')
      readyAtMs.set(`timer:retry:${body.step}#${body.attempt}`, body.retryAtMs);
    const isReport = body.type === 'StepCompleted' || body.type === 'StepAttemptFailed';
    if (isReport && body.startedAtMs !== undefined)
      wentOn(`${body.step}#${body.attempt}`, body.startedAtMs, leaseMs);
  }
  return Math.max(...lateMs);
}
