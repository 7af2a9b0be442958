import type { Json } from '../../domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../domain/limits.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';
import type { OpenBreaker } from '../../ports/breakers.ts';
import type { StepHandler, StepHandlerError, StepOutcome } from '../../ports/step-handler.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import { admitTask, type AdmittedTask } from './admit-task.ts';
import { AttemptContext } from './attempt-context.ts';
import type { AttemptGuard, StopReason } from './attempt-guard.ts';
import { checkJson } from '../call-arguments.ts';
import type { CachedRun } from '../commands/run-cache.ts';
import { taskInput } from './task-input.ts';
import { postponementOf, TargetGate } from './target-gate.ts';
import { attemptOf, TaskReport, type TaskPorts } from './task-report.ts';

/**
 * Runs one claimed task and reports it. Answers the task handed on, if any. Never rejects for an operational failure:
 * what could not be reported is claimed again after the lease, and its result is still recorded at most once.
 */
export async function performTask(
  ports: TaskPorts,
  task: ClaimedTask,
): Promise<ClaimedTask | undefined> {
  const gate = new TargetGate(ports, task.lease.key.tenant);
  try {
    const admission = await admitTask(ports, task, (step, record) => gate.enter(step, record));
    if (admission.kind === 'settled') return admission.next;
    return await new TaskRun(ports, task, admission, gate).perform();
  } finally {
    if (gate.isWatched) await gate.leave();
  }
}

class TaskRun {
  readonly #ports: TaskPorts;
  readonly #task: ClaimedTask;
  readonly #run: CachedRun;
  readonly #step: PlannedStep;
  readonly #record: StepState;
  readonly #report: TaskReport;
  readonly #gate: TargetGate;
  readonly #startedAtMs: number;

  constructor(
    ports: TaskPorts,
    task: ClaimedTask,
    { run, step, record }: AdmittedTask,
    gate: TargetGate,
  ) {
    this.#ports = ports;
    this.#gate = gate;
    this.#task = task;
    this.#run = run;
    this.#step = step;
    this.#record = record;
    this.#report = new TaskReport(ports, task);
    this.#startedAtMs = ports.clock.now();
  }

  async perform(): Promise<ClaimedTask | undefined> {
    const handler = this.#ports.handlers.get(this.#step.uses);
    if (handler === undefined)
      throw new Error(`claimed a "${this.#step.uses}" step without a handler`);
    const guard = this.#ports.watch.begin(this.#task, this.#step);
    try {
      const outcome = await this.#callHandler(handler, guard);
      const barrier = this.#gate.isWatched
        ? await this.#gate.judge(outcome, guard.stopReason)
        : undefined;
      if (barrier !== undefined && this.#mayRepeat(outcome))
        return await this.#putOff(barrier, guard);
      return await this.#conclude(outcome, guard);
    } finally {
      this.#ports.watch.end(guard);
    }
  }

  async #callHandler(handler: StepHandler, guard: AttemptGuard): Promise<StepOutcome> {
    const { run } = this.#run.state;
    const { key } = this.#task.lease;
    try {
      return await handler.run(
        new AttemptContext(guard, key, {
          workflow: run.name,
          step: this.#step.id,
          attempt: this.#task.attempt,
          input: taskInput(this.#step, this.#record),
          workspace: run.workspace,
          lastHeartbeat: guard.heartbeat ?? this.#record.heartbeat,
        }),
      );
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', error: { code: 'handler_error', message, effectState: 'unknown' } };
    }
  }

  #conclude(outcome: StepOutcome, guard: AttemptGuard): Promise<ClaimedTask | undefined> {
    const { stopReason } = guard;
    if (stopReason === 'lease_lost') return Promise.resolve(undefined);
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

  #mayRepeat(outcome: StepOutcome): boolean {
    const isPermanent = outcome.kind === 'failed' && outcome.error.permanent === true;
    return this.#step.effect !== 'unsafe' && !isPermanent;
  }

  #putOff(barrier: OpenBreaker, guard: AttemptGuard): Promise<ClaimedTask | undefined> {
    const { heartbeat } = guard;
    const nowMs = this.#ports.clock.now();
    return this.#report.send(postponementOf(this.#task, barrier, { nowMs, heartbeat }), guard);
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
}

/** What keeps an output from being recorded. */
function problemOf(output: Json): { code: string; message: string } | undefined {
  const json = checkJson(output);
  if (!json.ok) {
    const [first] = json.violations;
    const where = first === undefined || first.path === '' ? '' : ` at ${first.path}`;
    const message = `the output is no acceptable JSON: ${first?.message ?? 'it cannot be written'}${where}`;
    return { code: 'invalid_output', message };
  }
  const bytes = Buffer.byteLength(json.text);
  if (bytes <= MAX_PAYLOAD_BYTES) return undefined;
  const message = `the output is ${bytes} bytes; ${MAX_PAYLOAD_BYTES} is the most a step may return`;
  return { code: 'output_too_large', message };
}
