import { stepById, type PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';
import { AGENT_LEASE_MS } from './agent-task.ts';
import { failure, unknownRun } from '../commands/outcome-error.ts';
import type { Outcome } from '../commands/execute-command.ts';
import type { CachedRun } from '../commands/run-cache.ts';
import { readTaskToken, type HeldTask } from './task-token.ts';
import type { ApplicationPorts, CallContext, UseCaseError, UseCaseResult } from '../use-case.ts';

export interface FoundTask extends HeldTask {
  readonly run: CachedRun;
  readonly step: PlannedStep;
  /** As it stood when it was looked up. */
  readonly record: StepState;
}

/** The task that an agent's word stands for. Whether it still holds it, the store says when it writes. */
export async function findHeldTask(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  token: string,
): Promise<UseCaseResult<FoundTask>> {
  const held = readTaskToken(ports.store.secret, tenant, token.trim());
  if (held === undefined)
    return failure({
      code: 'unknown_task',
      message: 'This is not a task that claim_task gave: it was changed or cut on the way.',
      changed: 'nothing',
      next: 'Repeat claim_task with the cursor of the call that gave it: it answers the same task while you hold it.',
    });
  // As the store has it: what another process recorded meanwhile counts.
  const run = await ports.runs.refresh(held.lease.key);
  const step = run && stepById(run.plan, held.lease.id);
  if (run === undefined || step === undefined) return failure(unknownRun(held.lease.key.runId));
  return { ok: true, value: { ...held, run, step, record: run.state.steps.get(step.index) } };
}

/** Nothing was recorded: the task is somebody else's, or nobody's, by now. */
export function leaseLost({ lease, attempt }: HeldTask): UseCaseError {
  return {
    code: 'lease_lost',
    message: `You no longer hold step "${lease.id}" (attempt ${attempt}, fence ${lease.fence}): the lease ran out and the task was given to another, handed over, reported or withdrawn.`,
    changed: 'nothing',
    next: 'Drop this work and call claim_task. get_workflow shows what became of the step.',
  };
}

/**
 * A refusal that leaves the task with the agent is only true while the agent holds it; the lease begins anew, so that there
 * is time to correct what was wrong.
 */
export async function refusedWhileHeld(
  { store }: ApplicationPorts,
  held: FoundTask,
  refusal: Extract<UseCaseResult<never>, { ok: false }>,
  leaseMs = AGENT_LEASE_MS,
): Promise<UseCaseResult<never>> {
  const renewed = await store.renew(held.lease, held.step.heartbeatMs ?? leaseMs);
  const isHeld = renewed.kind === 'renewed' && !renewed.cancelRequested;
  return isHeld ? refusal : failure(leaseLost(held));
}

/** What a report that changes the run was answered. */
export function reportedOr(
  outcome: Outcome,
  held: HeldTask,
): UseCaseResult<{ readonly isRepetition: boolean }> {
  switch (outcome.kind) {
    case 'committed':
      return { ok: true, value: { isRepetition: false } };
    case 'duplicate':
      return { ok: true, value: { isRepetition: true } };
    case 'leaseLost':
      return failure(leaseLost(held));
    case 'keyReused':
      return failure({
        code: 'already_reported',
        message: `Attempt ${held.attempt} of step "${held.lease.id}" was reported before, with another result, which stands.`,
        changed: 'nothing',
        next: 'Call claim_task for the next task. get_workflow shows what was recorded.',
      });
    case 'rejected':
      // The run has moved on, without this task's lease having been looked at.
      if (outcome.rejection.code === 'stale_attempt') return failure(leaseLost(held));
      return failure({ ...outcome.rejection, changed: 'nothing' });
    case 'unknownRun':
      return failure(unknownRun(held.lease.key.runId));
    case 'unavailable':
      return failure({
        code: 'store_unavailable',
        message: `The store did not confirm the report: ${outcome.reason}.`,
        changed: outcome.isInDoubt ? 'unknown' : 'nothing',
        next: 'Repeat the same report: it is recorded once, and the answer says so.',
      });
  }
}
