import type { Command } from '../../domain/commands.ts';
import { MAX_DELIVERIES } from '../../domain/limits.ts';
import { stepById, type PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';
import type { OpenBreaker } from '../../ports/breakers.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import type { CachedRun, RunCache } from '../commands/run-cache.ts';
import { postponementOf } from './target-gate.ts';
import { attemptOf, TaskReport, type ReportPorts } from './task-report.ts';

/** A claimed task that its run wants done now. */
export interface AdmittedTask {
  readonly run: CachedRun;
  readonly step: PlannedStep;
  readonly record: StepState;
}

export type Admission =
  | ({ readonly kind: 'admitted' } & AdmittedTask)
  /** It was reported, returned or dropped instead; `next` is a task handed on for that. */
  | { readonly kind: 'settled'; readonly next: ClaimedTask | undefined };

/**
 * Finds out whether a claimed task may begin: its run may be paused or cancelled, the task stale, its effect begun
 * before, its performers lost again and again, or what it talks to down (`barrierOf`, asked last). Durably marks an unsafe effect as begun before it answers `admitted`.
 */
export async function admitTask(
  ports: ReportPorts,
  task: ClaimedTask,
  barrierOf: (step: PlannedStep, record: StepState) => OpenBreaker | undefined = () => undefined,
): Promise<Admission> {
  const run = cachedRun(ports.runs, task) ?? (await ports.runs.refresh(task.lease.key));
  if (run === undefined) {
    await ports.store.discard(task.lease);
    return { kind: 'settled', next: undefined };
  }
  const step = stepById(run.plan, task.slot);
  const record = step && run.state.steps.get(step.index);
  if (step === undefined || record?.status !== 'scheduled' || record.attempt !== task.attempt)
    return settle(ports, task, { type: 'ReturnStep', ...attemptOf(task) });
  const instead =
    commandInstead(ports, task, run, record) ?? putOff(ports, task, barrierOf(step, record));
  if (instead !== undefined) return settle(ports, task, instead);
  if (step.effect === 'unsafe' && !(await mayBegin(ports, task)))
    return { kind: 'settled', next: undefined };
  return { kind: 'admitted', run, step, record };
}

async function settle(ports: ReportPorts, task: ClaimedTask, command: Command): Promise<Admission> {
  return { kind: 'settled', next: await new TaskReport(ports, task).send(command) };
}

/** What is reported of a task that its run does not want done now; `undefined`: it does. */
function commandInstead(
  ports: ReportPorts,
  task: ClaimedTask,
  { state }: CachedRun,
  record: StepState,
): Command | undefined {
  const { status } = state.run;
  if (status === 'cancelling') return { type: 'ReportCancelled', ...attemptOf(task) };
  if (record.begun === true)
    return {
      type: 'ReportUnknownOutcome',
      ...attemptOf(task),
      reason: 'its worker vanished after the effect was begun',
    };
  if (status === 'paused') {
    const { heartbeat } = task;
    const left = heartbeat === undefined ? {} : { heartbeat };
    return { type: 'ReturnStep', ...attemptOf(task), ...left };
  }
  return task.delivery > MAX_DELIVERIES ? poisoned(ports, task, record) : undefined;
}

function putOff(
  { clock }: ReportPorts,
  task: ClaimedTask,
  barrier: OpenBreaker | undefined,
): Command | undefined {
  const { heartbeat } = task;
  return barrier && postponementOf(task, barrier, { nowMs: clock.now(), heartbeat });
}

/** If it is no older than the claim. */
function cachedRun(runs: RunCache, { lease, runVersion }: ClaimedTask): CachedRun | undefined {
  const cached = runs.peek(lease.key);
  return cached && cached.state.run.version >= runVersion ? cached : undefined;
}

function poisoned(ports: ReportPorts, task: ClaimedTask, { heartbeat }: StepState) {
  const last = task.heartbeat ?? heartbeat;
  return {
    type: 'FailStep',
    ...attemptOf(task),
    worker: ports.owner,
    startedAtMs: ports.clock.now(),
    error: {
      code: 'poison',
      message: `this attempt was taken ${MAX_DELIVERIES} times and never reported: its worker died or was lost each time`,
      permanent: true,
    },
    ...(last !== undefined && { heartbeat: last }),
  } as const;
}

/** `StepStarted` is durable before an unsafe effect begins; a lost reply repeats with the same id. */
async function mayBegin(
  ports: ReportPorts,
  { lease, slot, attempt }: ClaimedTask,
): Promise<boolean> {
  const outcome = await ports.execute(lease.key, {
    command: {
      type: 'StartStep',
      step: slot,
      attempt,
      worker: ports.owner,
      startedAtMs: ports.clock.now(),
    },
    commandId: `StartStep:${slot}#${attempt}@${lease.fence}`,
    actor: ports.actor,
    causationId: `task:${slot}#${attempt}`,
  });
  if (outcome.kind !== 'committed' && outcome.kind !== 'duplicate') {
    await ports.store.release(lease);
    return false;
  }
  // A process that was stopped for long may have lost the lease by now: then somebody else has seen the effect begun.
  const renewed = await ports.store.renew(lease, ports.leaseDurationMs);
  return renewed.kind === 'renewed';
}
