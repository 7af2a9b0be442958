import type { EventOf } from './events.ts';
import { nextStatus, type LifecycleEvent } from './lifecycle.ts';
import type { Plan } from './plan.ts';
import {
  awaitsPerson,
  isTerminal,
  type ReadyLine,
  type RunHeader,
  type RunState,
  type StepState,
} from './state.ts';

type ApprovalRequested = EventOf<'ApprovalRequested'>;
/** What belongs to one attempt and ends with it. */
const FORGOTTEN = {
  begun: undefined,
  approval: undefined,
  handover: undefined,
  queue: undefined,
  postponed: undefined,
  dueAtMs: undefined,
} as const;

/** What each event does to a state; `evolve` says which of it. Changes the state in place. */
export class Fold {
  readonly #plan: Plan;
  readonly #state: RunState;
  /** Copied once for this event: whoever holds the header before keeps it. */
  readonly #run: { -readonly [Key in keyof RunHeader]: RunHeader[Key] };
  readonly #atMs: number;

  constructor(plan: Plan, state: RunState, atMs: number, newEvents: 0 | 1) {
    this.#plan = plan;
    this.#state = state;
    this.#run = { ...state.run, version: state.run.version + newEvents };
    this.#atMs = atMs;
    state.run = this.#run;
  }

  started(event: EventOf<'WorkflowStarted'>): void {
    const { runId, name, definitionHash, definitionVersion, input, workspace, priority } = event;
    this.lifecycle('start', {
      runId,
      name,
      definitionHash,
      definitionVersion,
      input,
      workspace,
      priority,
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
      dueAtMs: scheduled.dueAtMs,
    });
  }

  waiting({ step, attempt, dueAtMs, signal }: EventOf<'StepWaiting'>): void {
    this.#wait(step, { attempt, dueAtMs, signal });
  }

  /** An approval step waits; what an agent asked is an affair of the run. */
  approvalRequested({ approvalId, step, attempt, ask, by, dueAtMs }: ApprovalRequested): void {
    if (step !== undefined && attempt !== undefined)
      return this.#wait(step, { attempt, dueAtMs, approval: ask });
    const { asked, awaitedPeople } = this.#state.run;
    const approval = { approvalId, ask, by: by ?? '', step, askedAtMs: this.#atMs, dueAtMs };
    this.#header({ asked: [...asked, approval], awaitedPeople: awaitedPeople + 1 });
  }

  /** For an approval step its completion or failure follows, and changes it. */
  approvalResolved(event: EventOf<'ApprovalResolved'>): void {
    if (event.attempt !== undefined) return;
    const { asked, awaitedPeople } = this.#state.run;
    const { approvalId, resolution, choice, by, via, comment } = event;
    const answer = { resolution, choice, by, via, comment };
    this.#header({
      asked: asked.map((one) => (one.approvalId === approvalId ? { ...one, answer } : one)),
      awaitedPeople: awaitedPeople - 1,
    });
  }

  handedOver(event: EventOf<'TaskHandedOver'>): void {
    const index = this.#index(event.step);
    const record = this.#state.steps.get(index);
    const { to, from, note, queue } = event;
    const count = (record.handover?.count ?? 0) + 1;
    // Who hands on without a word loses nothing of what he was handed.
    const { context = record.handover?.context } = event;
    this.#put(index, {
      ...record,
      status: to.kind === 'person' ? 'waiting' : 'scheduled',
      queue,
      handover: { to, from, atMs: this.#atMs, note, context, count },
      heartbeat: event.heartbeat ?? record.heartbeat,
      // Who hands an effect on says that it is not under way.
      begun: undefined,
    });
  }

  checkpointed({ name, note, repository }: EventOf<'CheckpointCreated'>): void {
    const { checkpoints, version: sequence } = this.#state.run;
    const made = { sequence, atMs: this.#atMs, name, note, repository };
    this.#header({ checkpoints: [...checkpoints, made] });
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
      heartbeat: event.heartbeat,
      ...FORGOTTEN,
      dueAtMs: event.retryAtMs,
      ...this.#performer(event),
    });
  }

  outcomeUnknown({ step }: EventOf<'StepOutcomeUnknown'>): void {
    this.change(step, { status: 'unknown', error: undefined, ...FORGOTTEN });
  }

  readied(event: EventOf<'StepReadied'>): void {
    const index = this.#index(event.step);
    const record = this.#state.steps.get(index);
    // An attempt that was given back is the same attempt when it is offered again, with the same time limit.
    const isGivenBack = event.attempt < record.attempt;
    const dueAtMs = isGivenBack ? record.dueAtMs : undefined;
    const { attempt, heartbeat = record.heartbeat } = event;
    this.#put(index, { ...record, attempt, heartbeat, dueAtMs });
    this.#lineUp(index);
  }

  signalled({ name, payload }: EventOf<'SignalReceived'>): void {
    this.#header({ signals: [...this.#state.run.signals, { name, payload }] });
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
      ...FORGOTTEN,
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
    this.lifecycle(event, { ...patch, finishedAtMs: this.#atMs, awaitedPeople: 0 });
  }

  cancelled(): void {
    for (const step of this.#plan.steps) {
      const record = this.#state.steps.get(step.index);
      if (!isTerminal(record.status))
        this.#put(step.index, { ...record, status: 'cancelled', finishedAtMs: this.#atMs });
    }
    this.finish('stopped', { openSteps: 0, ready: { engine: {}, worker: {} } });
  }

  #wait(step: string, what: Partial<StepState>): void {
    const { index, record } = this.#leaveLine(step);
    this.#put(index, { ...record, ...what, status: 'waiting', startedAtMs: this.#atMs });
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
    const before = this.#state.steps.get(index);
    const { stepsInFlight, awaitedPeople } = this.#state.run;
    const inFlight = Number(step.status === 'scheduled') - Number(before.status === 'scheduled');
    const awaited = Number(awaitsPerson(step)) - Number(awaitsPerson(before));
    if (inFlight !== 0 || awaited !== 0)
      this.#header({
        stepsInFlight: stepsInFlight + inFlight,
        awaitedPeople: awaitedPeople + awaited,
      });
    this.#state.steps.set(index, step);
  }

  #header(patch: Partial<RunHeader>): void {
    Object.assign(this.#run, patch);
  }

  #index(step: string): number {
    const index = this.#plan.indexOf.get(step);
    if (index === undefined) throw new Error(`no step "${step}" in workflow "${this.#plan.name}"`);
    return index;
  }
}
