import { AgentBreaker, type AgentKey } from './agent-breaker.ts';
import { AGENT_LEASE_MS, type AgentTask } from './agent-task.ts';
import { isoTime } from '../runs/step-view.ts';
import type { ApplicationPorts, CallContext } from '../use-case.ts';

/** Until a trial whose call never ended is given to another. */
const CLAIM_MARGIN_MS = 30_000;

export interface HeldBack {
  readonly message: string;
  readonly next_trial_at: string;
}

/**
 * Claims, unless the agent has failed too often in a row. Then it waits for the trial, within the call's time, and claims
 * one task as that; of several calls at once one gets the trial.
 */
export async function claimUnlessHeldBack(
  ports: ApplicationPorts,
  { signal }: CallContext,
  { agent, untilMs }: { readonly agent: AgentKey; readonly untilMs: number },
  claim: () => Promise<AgentTask | undefined>,
): Promise<{ readonly task?: AgentTask | undefined; readonly heldBack?: HeldBack }> {
  const { clock } = ports;
  const breaker = new AgentBreaker(ports, agent);
  for (;;) {
    const { standing, failures } = await breaker.look();
    if (standing.kind === 'free') return { task: await claim() };
    if (standing.kind === 'due') {
      if (await breaker.beginTrial(untilMs + CLAIM_MARGIN_MS)) return tryOne(ports, breaker, claim);
      continue;
    }
    const nowMs = clock.now();
    if (standing.untilMs > untilMs || signal?.aborted === true) {
      await clock.sleep(Math.max(0, untilMs - nowMs), signal);
      return { heldBack: describe(standing, failures, clock.now()) };
    }
    await clock.sleep(standing.untilMs - nowMs, signal);
  }
}

async function tryOne(
  { clock }: ApplicationPorts,
  breaker: AgentBreaker,
  claim: () => Promise<AgentTask | undefined>,
): Promise<{ readonly task?: AgentTask | undefined }> {
  const task = await claim();
  const leaseMs = task === undefined ? 0 : task.lease.duration_seconds * 1_000;
  await breaker.settleTrial(
    task && { task: task.task, untilMs: clock.now() + Math.max(leaseMs, AGENT_LEASE_MS) },
  );
  return { task };
}

function describe(
  { untilMs, isTrialUnderWay }: { readonly untilMs: number; readonly isTrialUnderWay: boolean },
  failures: number,
  nowMs: number,
): HeldBack {
  const seconds = Math.max(1, Math.ceil((untilMs - nowMs) / 1_000));
  const next = isTrialUnderWay
    ? 'you hold one task as a trial: report that first'
    : `the next task is given as a trial in ${seconds} s`;
  return {
    message: `you failed, gave back or let lapse the last ${failures} tasks; ${next}`,
    next_trial_at: isoTime(untilMs),
  };
}
