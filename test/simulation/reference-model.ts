import { isDeepStrictEqual } from 'node:util';
import type { EventBody, RunEvent, StepError } from '../../src/domain/events.ts';
import { isJsonObject, type Json } from '../../src/domain/json.ts';
import type { RunFacts, SinkEntry, Violation } from '../support/invariants.ts';
import { evaluateCondition, readsFailure, type Truth } from './condition.ts';
import type { Copy, StepModel, WorkflowModel } from './generate-workflow.ts';
import { checkAttempt } from './attempt-model.ts';

interface StepTrace {
  readonly model: StepModel;
  status: 'open' | 'started' | 'completed' | 'failed' | 'skipped' | 'cancelled';
  skipReason?: string;
  output: Json;
  error?: StepError;
}

/** What the model knows at one point of a history. */
export interface ModelView {
  readonly workflow: WorkflowModel;
  readonly event: RunEvent;
  readonly isCancelling: boolean;
  /** `onFailure: stop`, and something failed. */
  readonly isStopping: boolean;
}

/**
 * Says, from the definition's meaning and the recorded results alone, what each event of a run must be: a second
 * opinion on `decide`, written as a reader of histories instead of a writer. Answers what it disagrees with.
 */
export function checkAgainstModel(
  workflow: WorkflowModel,
  run: RunFacts,
  n: number,
  sinkLog: readonly SinkEntry[],
): Violation[] {
  const model = new ReferenceModel(workflow, n);
  for (const event of run.events) model.read(event);
  for (const entry of sinkLog) if (entry.runId === run.key.runId) model.readEffect(entry);
  return model.disagreements.map((message) => ({
    invariant: 'model',
    runId: run.key.runId,
    message: `${workflow.name}: ${message}`,
  }));
}

class ReferenceModel {
  readonly disagreements: string[] = [];
  readonly #workflow: WorkflowModel;
  readonly #n: number;
  readonly #steps: ReadonlyMap<string, StepTrace>;
  #signals: { name: string; payload: Json }[] = [];
  #status = 'pending';
  #failures: string[] = [];

  constructor(workflow: WorkflowModel, n: number) {
    this.#workflow = workflow;
    this.#n = n;
    this.#steps = new Map(
      workflow.steps.map((model) => [model.id, { model, status: 'open', output: null }]),
    );
  }

  read(event: RunEvent): void {
    const { body } = event;
    if ('step' in body && body.step !== undefined) this.#judgeAttempt(event, body.step);
    this.#readRun(event, body);
    if (body.type === 'StepsScheduled') for (const { step } of body.steps) this.#start(event, step);
    if (body.type === 'StepWaiting') this.#start(event, body.step);
    if (body.type === 'ApprovalRequested' && body.attempt !== undefined)
      this.#start(event, body.approvalId);
    if (body.type === 'TaskHandedOver') this.#handOver(body.step);
    if (body.type === 'StepsSkipped')
      for (const { step, reason } of body.steps) this.#skip(event, step, reason);
    if (body.type === 'StepCompleted') this.#complete(event, body);
    if (body.type === 'StepFailed') this.#fail(event, body.step, body.attempt, body.error);
    if (body.type === 'StepsCancelled') for (const { step } of body.steps) this.#cancel(step);
  }

  readEffect({ step, input, attempt }: SinkEntry): void {
    const { work } = this.#trace(step).model;
    const argument = isJsonObject(input) && Array.isArray(input.command) ? input.command[1] : null;
    const expected =
      work.kind !== 'shell' || work.reads === undefined
        ? 'alone'
        : `after ${this.#trace(work.reads).status}`;
    this.#expect(argument === expected, `${step}#${attempt} was given ${text(argument)}`);
  }

  #readRun({ sequence }: RunEvent, body: EventBody): void {
    switch (body.type) {
      case 'WorkflowStarted':
        this.#expect(sequence === 1, 'started twice');
        this.#status = 'running';
        return;
      case 'WorkflowPaused':
        this.#status = 'paused';
        return;
      case 'WorkflowResumed':
        this.#status = 'running';
        return;
      case 'CancellationRequested':
        this.#status = 'cancelling';
        return;
      case 'SignalReceived':
        this.#signals.push({ name: body.name, payload: body.payload });
        return;
      case 'WorkflowCancelled':
        return this.#expect(this.#status === 'cancelling', 'cancelled, but nobody asked');
      case 'WorkflowCompleted':
        return this.#finishCompleted(body.output);
      case 'WorkflowFailed':
        return this.#finishFailed(body.error);
      default:
    }
  }

  /** A step begins only in a running run, after everything that it needs. */
  #start(event: RunEvent, step: string): void {
    const trace = this.#trace(step);
    this.#expect(this.#status === 'running', `${step} started in a ${this.#status} run`);
    if (trace.status === 'open') this.#expectVerdict(step, 'run');
    else this.#expect(trace.status === 'started', `${step} started after it ended`);
    trace.status = 'started';
    const { work } = trace.model;
    if (event.body.type !== 'StepWaiting' || work.kind !== 'wait') return;
    const dueAtMs = 'untilMs' in work ? work.untilMs : event.occurredAtMs + work.forMs;
    this.#expect(
      event.body.dueAtMs === dueAtMs,
      `${step} waits until ${event.body.dueAtMs ?? '-'}`,
    );
  }

  /** Only what agents do is handed on, while it is under way. */
  #handOver(step: string): void {
    const { model, status } = this.#trace(step);
    const isUnderWay = status === 'started' && this.#status !== 'cancelling';
    this.#expect(model.work.kind === 'agent' && isUnderWay, `${step} was handed over`);
  }

  #skip(_event: RunEvent, step: string, reason: string): void {
    this.#expectVerdict(step, reason);
    Object.assign(this.#trace(step), { status: 'skipped', skipReason: reason });
  }

  #complete(event: RunEvent, body: Extract<EventBody, { type: 'StepCompleted' }>): void {
    const { step, output, consumedSignal } = body;
    const trace = this.#trace(step);
    const { work } = trace.model;
    if (trace.status === 'open') this.#expectVerdict(step, 'run');
    this.#expect(!isSettled(trace), `${step} ended twice`);
    if (work.kind === 'transform')
      this.#expect(
        isDeepStrictEqual(output, this.#transformed(trace.model)),
        `${step}: ${text(output)}`,
      );
    if (work.kind === 'signal') this.#consume(step, work.name, consumedSignal, output);
    if (work.kind === 'fail') this.#expect(false, `${step} cannot complete`);
    if (work.kind === 'wait' && 'untilMs' in work)
      this.#expect(event.occurredAtMs >= work.untilMs, `${step} ended early`);
    Object.assign(trace, { status: 'completed', output });
  }

  #consume(step: string, name: string, consumed: string | undefined, output: Json): void {
    const at = this.#signals.findIndex((signal) => signal.name === name);
    const isFirst = isDeepStrictEqual(this.#signals[at]?.payload, output);
    this.#expect(consumed === name && isFirst, `${step} did not take the oldest signal "${name}"`);
    this.#signals = this.#signals.filter((_, position) => position !== at);
  }

  #fail(_event: RunEvent, step: string, attempt: number, error: StepError): void {
    const trace = this.#trace(step);
    this.#expect(!isSettled(trace), `${step} ended twice`);
    const { work } = trace.model;
    const isBadCopy = work.kind === 'transform' && this.#transformed(trace.model) === undefined;
    if (trace.status === 'open' && !(attempt === 0 && error.code === 'expression_error'))
      this.#expectVerdict(step, 'run');
    else if (trace.status === 'open') this.#expectVerdict(step, 'error');
    if (work.kind === 'transform' && attempt > 0)
      this.#expect(isBadCopy && error.code === 'expression_error', `${step} failed: ${error.code}`);
    if (work.kind === 'fail' && attempt > 0)
      this.#expect(error.code === (work.code ?? 'failed_by_workflow'), `${step}: ${error.code}`);
    Object.assign(trace, { status: 'failed', error });
    this.#failures.push(step);
  }

  /** Only what waits is cancelled without the run being so, when the first failure stops the run. */
  #cancel(step: string): void {
    const trace = this.#trace(step);
    const isAllowed = this.#status === 'cancelling' || this.#isHeldBack(trace.model);
    this.#expect(isAllowed && !isSettled(trace), `${step} was cancelled`);
    trace.status = 'cancelled';
  }

  #judgeAttempt(event: RunEvent, step: string): void {
    const trace = this.#trace(step);
    const isStopping = this.#isHeldBack(trace.model);
    const isCancelling = this.#status === 'cancelling';
    const view = { workflow: this.#workflow, event, isCancelling, isStopping };
    for (const message of checkAttempt(trace.model, view)) this.#expect(false, message);
  }

  /** What must become of a step now that something is recorded of it for the first time. */
  #expectVerdict(step: string, found: string): void {
    const { model } = this.#trace(step);
    const open = model.needs.filter((need) => !isSettled(this.#trace(need)));
    this.#expect(open.length === 0, `${step} did not wait for ${open.join()}`);
    const expected = this.#verdict(model);
    this.#expect(found === expected, `${step}: ${found}, expected ${expected}`);
  }

  #verdict(model: StepModel): string {
    const needs = model.needs.map((need) => this.#trace(need));
    const isFine = (need: StepTrace): boolean =>
      need.status === 'completed' || (need.status === 'skipped' && need.skipReason === 'condition');
    const succeeded = needs.every(isFine);
    const failed = needs.some(
      (need) => !isFine(need) && (need.status === 'failed' || need.status === 'skipped'),
    );
    if (!readsFailure(model.condition) && !succeeded) return 'upstream';
    if (this.#isHeldBack(model)) return 'stopped';
    const truth: Truth =
      model.condition === undefined ||
      evaluateCondition(model.condition, {
        succeeded,
        failed,
        n: this.#n,
        status: (step) => this.#trace(step).status,
        output: (step) => this.#trace(step).output,
      });
    return truth === 'error' ? 'error' : truth ? 'run' : 'condition';
  }

  #isHeldBack(model: StepModel): boolean {
    const isStopping = this.#workflow.onFailure === 'stop' && this.#failures.length > 0;
    return isStopping && !readsFailure(model.condition);
  }

  #finishCompleted(output: Json): void {
    this.#expectAllSettled();
    this.#expect(this.#failures.length === 0, `completed in spite of ${this.#failures.join()}`);
    const expected = this.#output();
    this.#expect(isDeepStrictEqual(output, expected), `output ${text(output)}`);
  }

  #finishFailed(error: StepError): void {
    this.#expectAllSettled();
    const [first] = this.#failures;
    const isRight =
      first === undefined
        ? error.code === 'output_error' && this.#output() === undefined
        : isJsonObject(error.details ?? null) && text(error.details).includes(`"step":"${first}"`);
    this.#expect(isRight, `failed with ${text(error)}`);
  }

  #expectAllSettled(): void {
    for (const [id, trace] of this.#steps)
      this.#expect(isSettled(trace), `ended while ${id} was ${trace.status}`);
  }

  /** `undefined`: the copy cannot be evaluated. */
  #transformed({ work }: StepModel): Json | undefined {
    if (work.kind !== 'transform') return undefined;
    if (work.copies === undefined) return { v: work.v };
    const copy = this.#copied(work.copies);
    return copy === undefined ? undefined : { v: work.v, copy };
  }

  #output(): Json | undefined {
    const entries = Object.entries(this.#workflow.output);
    if (entries.length === 0) return null;
    const copies = entries.map(([key, copy]) => [key, this.#copied(copy)] as const);
    if (copies.some(([, value]) => value === undefined)) return undefined;
    return Object.fromEntries(copies.map(([key, value]) => [key, value ?? null]));
  }

  #copied({ step, field }: Copy): Json | undefined {
    const { output } = this.#trace(step);
    if (!field) return output;
    return isJsonObject(output) ? output.v : undefined;
  }

  #trace(step: string): StepTrace {
    const trace = this.#steps.get(step);
    if (trace === undefined) throw new Error(`the history names a step "${step}"`);
    return trace;
  }

  #expect(isRight: boolean, message: string): void {
    if (!isRight) this.disagreements.push(message);
  }
}

function isSettled({ status }: StepTrace): boolean {
  return status !== 'open' && status !== 'started';
}

function text(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}
