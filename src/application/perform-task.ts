import type { Json } from '../domain/json.ts';
import { MAX_DELIVERIES, MAX_PAYLOAD_BYTES } from '../domain/limits.ts';
import type { PlannedStep } from '../domain/plan.ts';
import type { Scope } from '../domain/expression/scope.ts';
import type { StepState } from '../domain/state.ts';
import type { StepHandler, StepHandlerError, StepOutcome } from '../ports/step-handler.ts';
import type { ClaimedTask } from '../ports/work-source.ts';
import type { AttemptGuard, StopReason } from './attempt-guard.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import type { CachedRun, RunCache } from './run-cache.ts';
import { attemptOf, TaskReport, type TaskPorts } from './task-report.ts';

/**
 * Runs one claimed task and reports it. Answers the task handed on, if any. Never rejects for an operational failure:
 * what could not be reported is claimed again after the lease, and its result is still recorded at most once.
 */
export async function performTask(
  ports: TaskPorts,
  task: ClaimedTask,
): Promise<ClaimedTask | undefined> {
  const run = await loadRun(ports.runs, task);
  if (run === undefined) {
    await ports.store.discard(task.lease);
    return undefined;
  }
  const planned = run.plan.steps[run.plan.indexOf.get(task.slot) ?? -1];
  const record = planned && run.state.steps.get(planned.index);
  if (planned === undefined || record?.status !== 'scheduled' || record.attempt !== task.attempt)
    return new TaskReport(ports, task).send({ type: 'ReturnStep', ...attemptOf(task) });
  return new TaskRun(ports, task, run, planned, record).perform();
}

async function loadRun(runs: RunCache, task: ClaimedTask): Promise<CachedRun | undefined> {
  const cached = await runs.get(task.lease.key);
  const isCurrent = cached !== undefined && cached.state.run.version >= task.runVersion;
  return isCurrent ? cached : runs.refresh(task.lease.key);
}

class TaskRun {
  readonly #ports: TaskPorts;
  readonly #task: ClaimedTask;
  readonly #run: CachedRun;
  readonly #step: PlannedStep;
  readonly #record: StepState;
  readonly #report: TaskReport;
  readonly #startedAtMs: number;

  constructor(
    ports: TaskPorts,
    task: ClaimedTask,
    run: CachedRun,
    step: PlannedStep,
    record: StepState,
  ) {
    this.#ports = ports;
    this.#task = task;
    this.#run = run;
    this.#step = step;
    this.#record = record;
    this.#report = new TaskReport(ports, task);
    this.#startedAtMs = ports.clock.now();
  }

  async perform(): Promise<ClaimedTask | undefined> {
    const { status } = this.#run.state.run;
    const attempt = attemptOf(this.#task);
    if (status === 'cancelling') return this.#report.send({ type: 'ReportCancelled', ...attempt });
    if (this.#record.begun === true)
      return this.#unknownOutcome('its worker vanished after the effect was begun');
    if (status === 'paused') return this.#report.send({ type: 'ReturnStep', ...attempt });
    if (this.#task.delivery > MAX_DELIVERIES)
      return this.#fail({
        code: 'poison',
        message: `this attempt was taken ${MAX_DELIVERIES} times and never reported: its worker died or was lost each time`,
        permanent: true,
      });
    if (this.#step.effect === 'unsafe' && !(await this.#mayBegin())) return undefined;
    return this.#runHandler();
  }

  /** `StepStarted` is durable before an unsafe effect begins; a lost reply repeats with the same id. */
  async #mayBegin(): Promise<boolean> {
    const { lease, slot, attempt } = this.#task;
    const outcome = await this.#ports.execute(lease.key, {
      command: { type: 'StartStep', ...attemptOf(this.#task), ...this.#performer() },
      commandId: `StartStep:${slot}#${attempt}@${lease.fence}`,
      actor: `worker:${this.#ports.owner}`,
      causationId: `task:${slot}#${attempt}`,
    });
    if (outcome.kind !== 'committed' && outcome.kind !== 'duplicate') {
      await this.#ports.store.release(lease);
      return false;
    }
    // A process that was stopped for long may have lost the lease by now: then somebody else has seen the effect begun.
    const renewed = await this.#ports.store.renew(lease, this.#ports.leaseDurationMs);
    return renewed.kind === 'renewed';
  }

  async #runHandler(): Promise<ClaimedTask | undefined> {
    const handler = this.#ports.handlers.get(this.#step.uses);
    if (handler === undefined)
      throw new Error(`claimed a "${this.#step.uses}" step without a handler`);
    const guard = this.#ports.watch.begin(this.#task, this.#step);
    try {
      const outcome = await this.#callHandler(handler, guard);
      return await this.#conclude(outcome, guard);
    } finally {
      this.#ports.watch.end(guard);
    }
  }

  async #callHandler(handler: StepHandler, guard: AttemptGuard): Promise<StepOutcome> {
    const { run } = this.#run.state;
    const { key } = this.#task.lease;
    const { id } = this.#step;
    try {
      return await handler.run({
        tenant: key.tenant,
        runId: key.runId,
        workflow: run.name,
        step: id,
        get idempotencyKey() {
          return idempotencyKeyOf(key, id);
        },
        attempt: this.#task.attempt,
        input: this.#record.input ?? this.#constantInput(),
        workspace: run.workspace,
        lastHeartbeat: guard.heartbeat ?? this.#record.heartbeat,
        signal: guard.signal,
        heartbeat: (payload) => guard.beat(payload),
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', error: { code: 'handler_error', message, effectState: 'unknown' } };
    }
  }

  async #conclude(outcome: StepOutcome, guard: AttemptGuard): Promise<ClaimedTask | undefined> {
    const { stopReason } = guard;
    if (stopReason === 'lease_lost') return undefined;
    // A result that came in spite of a stop is a result.
    if (outcome.kind === 'completed') return this.#complete(outcome.output, guard);
    const { error } = outcome;
    if (
      this.#step.effect === 'unsafe' &&
      error.effectState === 'unknown' &&
      stopReason !== 'cancelled'
    )
      return this.#unknownOutcome(`${error.code}: ${error.message}`, guard);
    if (stopReason === undefined || error.permanent === true)
      return this.#fail(this.#neverAgain(error), guard);
    return this.#stopped(stopReason, guard);
  }

  /** An unsafe effect that has happened is not repeated because its result is of no use. */
  #neverAgain(error: StepHandlerError): StepHandlerError {
    const isDone = this.#step.effect === 'unsafe' && error.effectState === 'done';
    return isDone ? { ...error, permanent: true } : error;
  }

  #complete(output: Json, guard: AttemptGuard): Promise<ClaimedTask | undefined> {
    const problem = problemOf(output);
    if (problem !== undefined) return this.#fail({ ...problem, permanent: true }, guard);
    return this.#report.send(
      { type: 'CompleteStep', ...attemptOf(this.#task), ...this.#performer(), output },
      guard,
    );
  }

  async #stopped(reason: StopReason, guard: AttemptGuard): Promise<ClaimedTask | undefined> {
    const attempt = attemptOf(this.#task);
    if (reason === 'cancelled')
      return this.#report.send({ type: 'ReportCancelled', ...attempt }, guard);
    if (this.#step.effect === 'unsafe') return this.#unknownOutcome(reason, guard);
    if (reason === 'shutdown') {
      await guard.release();
      return undefined;
    }
    const limitMs = reason === 'timeout' ? this.#step.timeoutMs : this.#step.heartbeatMs;
    const what = reason === 'timeout' ? 'did not finish' : 'sent no heartbeat';
    return this.#fail({ code: reason, message: `${what} within ${limitMs ?? 0} ms` }, guard);
  }

  #fail(error: StepHandlerError, guard?: AttemptGuard): Promise<ClaimedTask | undefined> {
    const heartbeat = guard?.heartbeat ?? this.#record.heartbeat;
    return this.#report.send(
      {
        type: 'FailStep',
        ...attemptOf(this.#task),
        ...this.#performer(),
        error,
        ...(heartbeat !== undefined && { heartbeat }),
      },
      guard,
    );
  }

  #unknownOutcome(reason: string, guard?: AttemptGuard): Promise<ClaimedTask | undefined> {
    return this.#report.send(
      { type: 'ReportUnknownOutcome', ...attemptOf(this.#task), reason },
      guard,
    );
  }

  #performer(): { worker: string; startedAtMs: number } {
    return { worker: this.#ports.owner, startedAtMs: this.#startedAtMs };
  }

  #constantInput(): Json {
    const input = this.#step.input.evaluate(NOTHING_IN_SCOPE);
    if (!input.ok) throw new Error(`step "${this.#step.id}" was scheduled without its input`);
    return input.value;
  }
}

/** What keeps an output from being recorded. */
function problemOf(output: Json): { code: string; message: string } | undefined {
  try {
    const bytes = Buffer.byteLength(JSON.stringify(output));
    if (bytes <= MAX_PAYLOAD_BYTES) return undefined;
    const message = `the output is ${bytes} bytes; ${MAX_PAYLOAD_BYTES} is the most a step may return`;
    return { code: 'output_too_large', message };
  } catch {
    return { code: 'invalid_output', message: 'the output is nested too deeply to be recorded' };
  }
}

/** For inputs without expressions, which events leave out. */
const NOTHING_IN_SCOPE: Scope = {
  input: null,
  run: { id: '', name: '', startedAt: '' },
  env: {},
  step: () => undefined,
  succeeded: false,
  failed: false,
};
