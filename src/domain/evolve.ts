import { assertNever } from './assert-never.ts';
import type { EventBody, EventOf } from './events.ts';
import { nextStatus, type LifecycleEvent } from './lifecycle.ts';
import type { Plan } from './plan.ts';
import {
  isTerminal,
  type ReadyLine,
  type RunHeader,
  type RunState,
  type StepState,
} from './state.ts';

/**
 * Folds one event into the state, in place. Pure otherwise: plan, state and event alone decide the result, so the
 * same history gives the same state anywhere (I8). Never evaluates an expression: what was evaluated stands
 * in the event. Throws for an event that no version of `decide` can have written (a defect, not an operational error).
 */
export function evolve(plan: Plan, state: RunState, event: EventBody, occurredAtMs: number): void {
  state.run = { ...state.run, version: state.run.version + 1 };
  apply(new Fold(plan, state, occurredAtMs), event);
}

/**
 * Folds more of an event that was already counted: `decide` grows the last list event of a decision
 * instead of writing many.
 */
export function evolveMore(plan: Plan, state: RunState, event: EventBody, nowMs: number): void {
  apply(new Fold(plan, state, nowMs), event);
}

function apply(fold: Fold, event: EventBody): void {
  switch (event.type) {
    case 'WorkflowStarted':
      return fold.started(event);
    case 'StepsScheduled':
      return event.steps.forEach((step) => fold.scheduled(step));
    case 'StepWaiting':
      return fold.waiting(event);
    case 'StepStarted':
      return fold.change(event.step, { begun: true, worker: event.worker });
    case 'StepCompleted':
      return fold.completed(event);
    case 'ContractViolated':
      return fold.violated(event);
    case 'StepAttemptFailed':
      return fold.attemptFailed(event);
    case 'StepFailed':
      return fold.failed(event);
    case 'StepsSkipped':
      return event.steps.forEach((step) =>
        fold.settle(step.step, { status: 'skipped', skipReason: step.reason }),
      );
    case 'StepReadied':
      return fold.readied(event);
    case 'StepOutcomeUnknown':
      return fold.change(event.step, { status: 'unknown', begun: undefined, error: undefined });
    case 'StepsCancelled':
      return event.steps.forEach((step) => fold.settle(step.step, { status: 'cancelled' }));
    case 'SignalReceived':
      return fold.signalled(event);
    case 'WorkflowPaused':
      return fold.lifecycle('pause', { reason: event.reason });
    case 'WorkflowResumed':
      return fold.lifecycle('resume', { reason: event.reason });
    case 'CancellationRequested':
      return fold.lifecycle('cancel', { reason: event.reason });
    case 'WorkflowCompleted':
      return fold.finish('complete', { output: event.output });
    case 'WorkflowFailed':
      return fold.finish('fail', { error: event.error });
    case 'WorkflowCancelled':
      return fold.cancelled();
    default:
      return assertNever(event);
  }
}

class Fold {
  readonly #plan: Plan;
  readonly #state: RunState;
  readonly #atMs: number;

  constructor(plan: Plan, state: RunState, atMs: number) {
    this.#plan = plan;
    this.#state = state;
    this.#atMs = atMs;
  }

  started(event: EventOf<'WorkflowStarted'>): void {
    const { runId, name, definitionHash, definitionVersion, input, workspace } = event;
    this.lifecycle('start', {
      runId,
      name,
      definitionHash,
      definitionVersion,
      input,
      workspace,
      startedAtMs: this.#atMs,
      openSteps: this.#plan.steps.length,
    });
    for (const root of this.#plan.roots) this.#lineUp(root);
  }

  scheduled(scheduled: EventOf<'StepsScheduled'>['steps'][number]): void {
    const { index, record } = this.#leaveLine(scheduled.step);
    this.#put(index, {
      ...record,
      status: 'scheduled',
      attempt: scheduled.attempt,
      input: scheduled.input,
    });
  }

  waiting(event: EventOf<'StepWaiting'>): void {
    const { index, record } = this.#leaveLine(event.step);
    this.#put(index, {
      ...record,
      status: 'waiting',
      attempt: event.attempt,
      dueAtMs: event.dueAtMs,
      signal: event.signal,
      startedAtMs: this.#atMs,
    });
  }

  completed(event: EventOf<'StepCompleted'>): void {
    if (event.consumedSignal !== undefined) this.#consume(event.consumedSignal);
    this.settle(event.step, {
      status: 'completed',
      attempt: event.attempt,
      output: event.output,
      error: undefined,
      ...this.#performer(event),
    });
    this.#header({ completedSteps: this.#state.run.completedSteps + 1 });
  }

  /** What follows (a retry or a failure) changes the step; here only the signal that broke the contract is gone. */
  violated(event: EventOf<'ContractViolated'>): void {
    if (event.consumedSignal !== undefined) this.#consume(event.consumedSignal);
  }

  failed(event: EventOf<'StepFailed'>): void {
    this.settle(event.step, {
      status: 'failed',
      attempt: event.attempt,
      error: event.error,
      ...this.#performer(event),
    });
    const { failedSteps, firstFailure } = this.#state.run;
    this.#header({ failedSteps: failedSteps + 1, firstFailure: firstFailure ?? event.step });
  }

  attemptFailed(event: EventOf<'StepAttemptFailed'>): void {
    // A step of the engine fails where it stands in line: it never was scheduled.
    const { index, record } = this.#leaveLine(event.step);
    this.#put(index, {
      ...record,
      status: 'retrying',
      attempt: event.attempt,
      error: event.error,
      dueAtMs: event.retryAtMs,
      heartbeat: event.heartbeat,
      begun: undefined,
      ...this.#performer(event),
    });
  }

  readied(event: EventOf<'StepReadied'>): void {
    const index = this.#index(event.step);
    this.#put(index, {
      ...this.#state.steps.get(index),
      attempt: event.attempt,
      dueAtMs: undefined,
    });
    this.#lineUp(index);
  }

  signalled(event: EventOf<'SignalReceived'>): void {
    const received = { name: event.name, payload: event.payload };
    this.#header({ signals: [...this.#state.run.signals, received] });
  }

  /** Changes one step's record without ending it. */
  change(step: string, patch: Partial<StepState>): void {
    const index = this.#index(step);
    this.#put(index, { ...this.#state.steps.get(index), ...patch });
  }

  /** Ends a step and counts down what waited for it. */
  settle(step: string, patch: Partial<StepState> & { status: StepState['status'] }): void {
    const { index, record } = this.#leaveLine(step);
    if (isTerminal(record.status)) throw new Error(`step "${step}" ended twice`);
    this.#put(index, {
      ...record,
      ...patch,
      finishedAtMs: this.#atMs,
      input: undefined,
      heartbeat: undefined,
      begun: undefined,
      dueAtMs: undefined,
      signal: undefined,
    });
    this.#header({ openSteps: this.#state.run.openSteps - 1 });
    for (const dependent of this.#plan.steps[index]?.dependents ?? []) this.#countDown(dependent);
  }

  lifecycle(event: LifecycleEvent, patch: Partial<RunHeader>): void {
    const status = nextStatus(this.#state.run.status, event);
    if (status === undefined)
      throw new Error(`"${event}" cannot happen to a ${this.#state.run.status} run`);
    this.#header({ ...patch, status });
  }

  finish(event: LifecycleEvent, patch: Partial<RunHeader>): void {
    this.lifecycle(event, { ...patch, finishedAtMs: this.#atMs });
  }

  cancelled(): void {
    for (const step of this.#plan.steps) {
      const record = this.#state.steps.get(step.index);
      if (!isTerminal(record.status))
        this.#put(step.index, { ...record, status: 'cancelled', finishedAtMs: this.#atMs });
    }
    this.finish('stopped', { openSteps: 0, ready: { engine: {}, worker: {} } });
  }

  #countDown(index: number): void {
    const record = this.#state.steps.get(index);
    const openNeeds = record.openNeeds - 1;
    this.#put(index, { ...record, openNeeds });
    if (openNeeds === 0 && record.status === 'pending') this.#lineUp(index);
  }

  #lineUp(index: number): void {
    const { head, tail } = this.#line(index);
    this.#put(index, { ...this.#state.steps.get(index), status: 'ready', nextReady: undefined });
    if (tail === undefined) return this.#setLine(index, { head: index, tail: index });
    this.#put(tail, { ...this.#state.steps.get(tail), nextReady: index });
    this.#setLine(index, { head, tail: index });
  }

  /** A line is left from its head only: `decide` takes ready steps in order. Others just keep their place. */
  #leaveLine(step: string): { index: number; record: StepState } {
    const index = this.#index(step);
    const record = this.#state.steps.get(index);
    if (record.status !== 'ready') return { index, record };
    const { head, tail } = this.#line(index);
    if (head !== index) throw new Error(`step "${step}" is not the first in line`);
    const next = record.nextReady;
    this.#setLine(index, next === undefined ? {} : { head: next, tail });
    return { index, record: { ...record, nextReady: undefined } };
  }

  #lineName(index: number): 'engine' | 'worker' {
    return this.#plan.steps[index]?.queue === undefined ? 'engine' : 'worker';
  }

  #line(index: number): ReadyLine {
    return this.#state.run.ready[this.#lineName(index)];
  }

  #setLine(index: number, line: ReadyLine): void {
    this.#header({ ready: { ...this.#state.run.ready, [this.#lineName(index)]: line } });
  }

  #consume(name: string): void {
    const at = this.#state.run.signals.findIndex((signal) => signal.name === name);
    this.#header({ signals: this.#state.run.signals.filter((_, position) => position !== at) });
  }

  #performer(event: {
    worker?: string | undefined;
    startedAtMs?: number | undefined;
  }): Partial<StepState> {
    if (event.worker === undefined) return {};
    return { worker: event.worker, startedAtMs: event.startedAtMs };
  }

  #put(index: number, step: StepState): void {
    const before = this.#state.steps.get(index).status === 'scheduled' ? 1 : 0;
    const after = step.status === 'scheduled' ? 1 : 0;
    if (before !== after)
      this.#header({ stepsInFlight: this.#state.run.stepsInFlight + after - before });
    this.#state.steps.set(index, step);
  }

  #header(patch: Partial<RunHeader>): void {
    this.#state.run = { ...this.#state.run, ...patch };
  }

  #index(step: string): number {
    const index = this.#plan.indexOf.get(step);
    if (index === undefined) throw new Error(`no step "${step}" in workflow "${this.#plan.name}"`);
    return index;
  }
}
