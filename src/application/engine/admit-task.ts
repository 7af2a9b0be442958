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
  const report = new TaskReport(ports, task);
  const settled = async (next: Promise<ClaimedTask | undefined>): Promise<Admission> => ({
    kind: 'settled',
    next: await next,
  });
  const attempt = attemptOf(task);
  const step = stepById(run.plan, task.slot);
  const record = step && run.state.steps.get(step.index);
  if (step === undefined || record?.status !== 'scheduled' || record.attempt !== task.attempt)
    return settled(report.send({ type: 'ReturnStep', ...attempt }));
  const { status } = run.state.run;
  if (status === 'cancelling') return settled(report.send({ type: 'ReportCancelled', ...attempt }));
  if (record.begun === true)
    return settled(
      report.send({
        type: 'ReportUnknownOutcome',
        ...attempt,
        reason: 'its worker vanished after the effect was begun',
      }),
    );
  if (status === 'paused') {
    const { heartbeat } = task;
    const left = heartbeat === undefined ? {} : { heartbeat };
    return settled(report.send({ type: 'ReturnStep', ...attempt, ...left }));
  }
  if (task.delivery > MAX_DELIVERIES) return settled(report.send(poisoned(ports, task, record)));
  const barrier = barrierOf(step, record);
  if (barrier) {
    const { heartbeat } = task;
    const nowMs = ports.clock.now();
    return settled(report.send(postponementOf(task, barrier, { nowMs, heartbeat })));
  }
  if (step.effect === 'unsafe' && !(await mayBegin(ports, task)))
    return { kind: 'settled', next: undefined };
  return { kind: 'admitted', run, step, record };
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
