import { AGENT_LEASE_MS } from '../../src/application/agents/agent-task.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { RunFacts, Violation } from '../support/invariants.ts';
import { MAX_STUBBORN_MS } from './behaviour.ts';
import type { StepModel } from './generate-workflow.ts';
import type { PlannedRun } from './run-driver.ts';
import { LEASE_DURATION_MS } from './simulated-process.ts';

/** I11: beyond the end of a lease. */
const RECOVERY_MS = 2_000;
/** A client that gives a run what it waits for looks this often, and its commands take their time. */
const OPERATOR_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const LONGEST_DRAWN_MS = 15_000;
const LONGEST_SIGNAL_MS = 20_000;
const LONGEST_RETRY_AFTER_MS = 5_000;
/** Agents have other tasks to do first, and may have been given this one by a call that they no longer hear. */
const AGENT_MS = 45_000;

/** An agent that failed task after task in the time of faults is held back for so long at most (agent-conduct.ts). */
const HELD_BACK_MS = 900_000;

/** Long enough for every step of every run, one after the other, with all its attempts. */
export function deadlineMs(runs: readonly PlannedRun[]): number {
  const perStep = (step: StepModel): number =>
    (step.retry.maxAttempts + 3) * (longestMs(step) + LEASE_DURATION_MS + RECOVERY_MS);
  return runs.reduce(
    (sum, { workflow }) => workflow.steps.reduce((total, step) => total + perStep(step), sum),
    120_000 + HELD_BACK_MS,
  );
}

/**
 * I11: without faults and with free slots, nothing makes a run stand still for longer than a dead worker's lease and
 * the longest thing that one of its steps can wait for.
 */
export function slowRecoveries(
  facts: readonly RunFacts[],
  runs: readonly PlannedRun[],
  healedAtMs: number,
): Violation[] {
  const found: Violation[] = [];
  for (const { key, workflow } of runs) {
    const longest = Math.max(...workflow.steps.map(longestMs));
    const boundMs = LEASE_DURATION_MS + RECOVERY_MS + OPERATOR_MS + longest;
    const run = facts.find((other) => other.key.runId === key.runId);
    const gapMs = longestGapMs(run?.events ?? [], healedAtMs);
    if (gapMs > boundMs)
      found.push({
        invariant: 'I11',
        runId: key.runId,
        message: `stood still for ${gapMs} ms, ${boundMs} ms are enough`,
      });
  }
  return found;
}

function longestGapMs(events: readonly RunEvent[], fromMs: number): number {
  let lastMs = fromMs;
  let longest = 0;
  for (const { occurredAtMs } of events) {
    longest = Math.max(longest, occurredAtMs - lastMs);
    lastMs = Math.max(lastMs, occurredAtMs);
  }
  return longest;
}

/** The longest that a step makes its run wait for one event. */
function longestMs({ work, retry }: StepModel): number {
  const delayMs = retry.maxAttempts > 1 ? Math.max(retry.maxDelayMs, LONGEST_RETRY_AFTER_MS) : 0;
  switch (work.kind) {
    case 'shell':
      return Math.max(
        delayMs,
        work.timeoutMs < MAX_STUBBORN_MS ? MAX_STUBBORN_MS : LONGEST_DRAWN_MS,
      );
    case 'wait':
      return 'forMs' in work ? work.forMs : LONGEST_WAIT_MS;
    case 'signal':
      return Math.max(delayMs, LONGEST_SIGNAL_MS);
    case 'agent':
      return Math.max(delayMs, work.heartbeatMs ?? AGENT_LEASE_MS) + AGENT_MS;
    case 'approval':
      return OPERATOR_MS;
    default:
      return 0;
  }
}
