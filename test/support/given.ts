import { expect } from 'vitest';
import type {
  AnswerTask,
  Command,
  CreateCheckpoint,
  FailStep,
  HandOverTask,
  RequestApproval,
  ResolveApproval,
} from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Ruling } from '../../src/domain/decision.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { EventBody, EventOf, HandoverTarget } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { RunStatus } from '../../src/domain/lifecycle.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { RejectionCode } from '../../src/domain/rejection.ts';
import {
  createRunState,
  writeSnapshot,
  type RunState,
  type StepState,
} from '../../src/domain/state.ts';

export const START_MS = 1_700_000_000_000;

/** A whole run in one object: given what happened, when a command comes, then these events follow. */
export class Scenario {
  readonly plan: Plan;
  readonly state: RunState;
  readonly history: { readonly event: EventBody; readonly atMs: number }[] = [];
  nowMs = START_MS;
  /** What every draw of the decision's random number answers. */
  random = 0.5;
  env: Record<string, string> = {};
  runBytes = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.state = createRunState(plan);
  }

  /** Decides and, where accepted, folds. Checks on the way that `decide` leaves the state alone. */
  when(command: Command): When {
    const before = writeSnapshot(this.plan, this.state);
    const ruling = this.#decide(command);
    expect(writeSnapshot(this.plan, this.state)).toBe(before);
    if (ruling.kind === 'accepted') this.fold(...ruling.events);
    return new When(ruling);
  }

  /** Goes on for as long as a large decision leaves more to do, as its `advance` timers would. */
  advance(): void {
    for (let isUnfinished = true; isUnfinished;) {
      const ruling = this.#decide(fire('advance:0'));
      if (ruling.kind === 'rejected') throw new Error(ruling.rejection.message);
      this.fold(...ruling.events);
      ({ isUnfinished } = ruling);
    }
  }

  #decide(command: Command): Ruling {
    const { nowMs, env, runBytes } = this;
    return decide(this.plan, this.state, command, {
      nowMs,
      env,
      runBytes,
      random: () => this.random,
    });
  }

  /** The same for commands that are only the way to where the test begins: each must be accepted. */
  after(...commands: readonly Command[]): this {
    for (const command of commands) this.when(command).accepted();
    return this;
  }

  /** Given events, as a history tells them. */
  fold(...events: readonly EventBody[]): this {
    for (const event of events) {
      this.history.push({ event, atMs: this.nowMs });
      evolve(this.plan, this.state, event, this.nowMs);
    }
    return this;
  }

  elapse(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  step(id: string): StepState {
    const index = this.plan.indexOf.get(id);
    if (index === undefined) throw new Error(`no step "${id}"`);
    return this.state.steps.get(index);
  }

  /** Status of every step, by id. */
  statuses(): Record<string, string> {
    return Object.fromEntries(this.plan.steps.map(({ id }) => [id, this.step(id).status]));
  }

  get status(): RunStatus {
    return this.state.run.status;
  }
}

export class When {
  readonly ruling: Ruling;

  constructor(ruling: Ruling) {
    this.ruling = ruling;
  }

  accepted(): readonly EventBody[] {
    if (this.ruling.kind === 'rejected')
      throw new Error(`refused: ${JSON.stringify(this.ruling.rejection)}`);
    return this.ruling.events;
  }

  /** Exactly these events in this order; fields that an expectation leaves out are not looked at. */
  thenEvents(...expected: readonly (Partial<EventBody> & Pick<EventBody, 'type'>)[]): void {
    const events = this.accepted();
    expect(events.map(({ type }) => type)).toEqual(expected.map(({ type }) => type));
    expect(events).toMatchObject(expected);
  }

  thenNothing(): void {
    expect(this.accepted()).toEqual([]);
  }

  /** A refusal says what happened and what to do next. */
  thenRefused(code: RejectionCode, message = /./): void {
    expect(this.ruling).toMatchObject({ kind: 'rejected', rejection: { code } });
    if (this.ruling.kind !== 'rejected') return;
    expect(this.ruling.rejection.message).toMatch(message);
    expect(this.ruling.rejection.next).not.toBe('');
  }

  only<Type extends EventBody['type']>(type: Type): EventOf<Type> {
    const found = this.accepted().filter((event) => event.type === type);
    expect(found).toHaveLength(1);
    return found[0] as EventOf<Type>; // the filter's narrowing, which TypeScript cannot see through a type parameter
  }
}

export function planOf(definition: JsonObject): Plan {
  const parsed = parseDefinition(definition);
  if (!parsed.ok) throw new Error(`bad definition in a test: ${JSON.stringify(parsed.errors)}`);
  return parsed.plan;
}

/** A definition, and the commands that led to where the test begins. */
export function given(definition: JsonObject, ...commands: readonly Command[]): Scenario {
  return new Scenario(planOf(definition)).after(...commands);
}

export function workflow(steps: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  return { name: 'example', steps: [...steps], ...more };
}

/** A step that a worker runs. */
export function work(id: string, more: JsonObject = {}): JsonObject {
  return { id, uses: 'shell', with: { command: ['true'] }, ...more };
}

/** A step that the engine completes by itself. */
export function pass(id: string, more: JsonObject = {}): JsonObject {
  return { id, uses: 'transform', with: { done: id }, ...more };
}

/** A step that any agent with the capability `review` may do, unless `input` says otherwise. */
export function agent(id: string, input: JsonObject = {}, more: JsonObject = {}): JsonObject {
  const who: JsonObject = 'agent' in input ? {} : { capability: 'review' };
  return { id, uses: 'agent', with: { ...who, instructions: 'Look at it.', ...input }, ...more };
}

/** A step that asks people. */
export function approval(id: string, input: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return { id, uses: 'approval', with: { question: 'Go on?', ...input }, ...more };
}

/** A retry policy whose delays are whole seconds without jitter. */
export function retry(maxAttempts: number, more: JsonObject = {}): JsonObject {
  return { retry: { maxAttempts, initialDelay: '1s', factor: 2, jitter: 'none', ...more } };
}

export function start(input: Json = {}): Command {
  return {
    type: 'StartWorkflow',
    runId: 'run1',
    definitionVersion: 1,
    input,
    workspace: '/home/someone/project',
  };
}

const performed = { worker: 'w1', startedAtMs: START_MS };

export function complete(step: string, output: Json = null, attempt = 1): Command {
  return { type: 'CompleteStep', step, attempt, output, ...performed };
}

export function fail(
  step: string,
  error: Partial<FailStep['error']> = {},
  more: { readonly attempt?: number; readonly heartbeat?: Json } = {},
): Command {
  const described = { code: 'exit_1', message: 'it broke', ...error };
  return { type: 'FailStep', step, attempt: 1, error: described, ...performed, ...more };
}

export function begin(step: string, attempt = 1): Command {
  return { type: 'StartStep', step, attempt, ...performed };
}

export function giveBack(step: string, attempt = 1): Command {
  return { type: 'ReturnStep', step, attempt };
}

export function reportUnknown(step: string, attempt = 1): Command {
  return { type: 'ReportUnknownOutcome', step, attempt, reason: 'the worker vanished' };
}

export function reportCancelled(step: string, attempt = 1): Command {
  return { type: 'ReportCancelled', step, attempt };
}

export function fire(timerId: string): Command {
  return { type: 'FireTimer', timerId };
}

export function signal(name: string, payload: Json = null): Command {
  return { type: 'SignalWorkflow', name, payload };
}

export const pause: Command = { type: 'PauseWorkflow' };
export const resume: Command = { type: 'ResumeWorkflow' };
export const cancel: Command = { type: 'CancelWorkflow' };

/** An agent asks people; the approval is `ask:<name>`. */
export function ask(name: string, more: Partial<RequestApproval> = {}): Command {
  const defaults = { ask: { question: 'May I?', choices: ['approve'] }, by: 'agent:a1' };
  return { type: 'RequestApproval', approvalId: `ask:${name}`, ...defaults, ...more };
}

/** A person's answer: a choice, or where none is named the only one. */
export function approve(approvalId: string, more: Partial<ResolveApproval> = {}): Command {
  const answer = { resolution: 'chosen', by: 'ann', via: 'terminal' } as const;
  return { type: 'ResolveApproval', approvalId, ...answer, ...more };
}

export function refuse(approvalId: string, more: Partial<ResolveApproval> = {}): Command {
  return approve(approvalId, { resolution: 'rejected', ...more });
}

export const toAgent = (name: string): HandoverTarget => ({ kind: 'agent', name });
export const toCapability = (name: string): HandoverTarget => ({ kind: 'capability', name });
export const toPerson = (name?: string): HandoverTarget => ({
  kind: 'person',
  ...(name !== undefined && { name }),
});

export function handOver(
  step: string,
  to: HandoverTarget,
  more: Partial<HandOverTask> = {},
): Command {
  return { type: 'HandOverTask', step, attempt: 1, to, from: 'agent:a1', ...more };
}

/** A person's result for a task that was handed to people. */
export function answerTask(step: string, more: Partial<AnswerTask> = {}): Command {
  return { type: 'AnswerTask', step, resolution: 'completed', by: 'ann', ...more };
}

export function checkpoint(name: string, more: Partial<CreateCheckpoint> = {}): Command {
  return { type: 'CreateCheckpoint', name, ...more };
}
