import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import { idempotencyKeyOf } from '../../src/application/commands/idempotency-key.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import { violation, type RunFacts, type Violation } from '../support/run-facts.ts';
import { INSTRUCTIONS, type AgentModel, type AgentWork } from './generate-people.ts';
import type { WorkflowModel } from './generate-workflow.ts';

/** One time that an agent was told of a task. */
export interface ClaimSeen {
  readonly key: RunKey;
  readonly agent: AgentModel;
  readonly task: AgentTask;
  readonly atMs: number;
}

/** Something that an agent was told of an attempt. */
interface AttemptSeen {
  readonly key: RunKey;
  readonly step: string;
  readonly attempt: number;
  readonly atMs: number;
}

/** What agents saw of their tasks, to be held against the histories. */
export class AgentWitness {
  readonly claims: ClaimSeen[] = [];
  /** Told that nobody wants the work any more. */
  readonly cancelled: AttemptSeen[] = [];
  /** Told that the attempt is no longer theirs or was reported before, though nobody was seen to be given it. */
  readonly lost: AttemptSeen[] = [];
  /** Words of tasks that their holder gave back. */
  readonly released = new Set<string>();
  /** What is wrong by itself. */
  readonly violations: Violation[] = [];

  complain(key: RunKey, message: string): void {
    this.violations.push(violation(key, 'agents', message));
  }

  check(run: RunFacts, workflow: WorkflowModel): Violation[] {
    const complaints = [
      ...this.#of(run, this.claims).flatMap((claim) => checkClaim(run, claim, workflow)),
      ...checkFences(this.#of(run, this.claims)),
      ...checkUnsafe(run, this.#of(run, this.claims)),
      ...this.#of(run, this.cancelled)
        .filter((seen) => !isOver(run, seen))
        .map(({ step }) => `the holder of ${step} was told to stop, but it goes on`),
      ...this.#of(run, this.lost)
        .filter((seen) => !isOver(run, seen) && !hasLeft(run, seen))
        .map(({ step }) => `a lease on ${step} was lost to nobody`),
    ];
    return complaints.map((message) => violation(run.key, 'agents', message));
  }

  #of<Seen extends { readonly key: RunKey }>(run: RunFacts, seen: readonly Seen[]): Seen[] {
    return seen.filter(({ key }) => key.runId === run.key.runId);
  }
}

/** The task is one of the history, told as the definition has it, to an agent it is for. */
function checkClaim(run: RunFacts, { task, agent }: ClaimSeen, workflow: WorkflowModel): string[] {
  const { step_id: step, attempt, handover } = task;
  const work = workflow.steps.find(({ id }) => id === step)?.work;
  if (work?.kind !== 'agent') return [`${agent.id} was given ${step}, which is for no agent`];
  const found: string[] = [];
  if (!isScheduled(run, step, attempt)) found.push(`${step}#${attempt} was given, never scheduled`);
  if (task.idempotency_key !== idempotencyKeyOf(run.key, step))
    found.push(`${step}#${attempt} was given another's idempotency key`);
  if (handover === undefined && !isFor(work, agent))
    found.push(`${agent.id} was given ${step}, which is for ${JSON.stringify(work.target)}`);
  if (handover?.note !== undefined && !handoverNotes(run, step, attempt).includes(handover.note))
    found.push(`${step}#${attempt} came with a note that nobody wrote`);
  if (task.instructions !== INSTRUCTIONS) found.push(`${step} was told otherwise`);
  if ((task.output_schema !== undefined) !== (work.contract !== undefined))
    found.push(`${step} was told another contract`);
  return found;
}

/** A fence stands for one giving of one attempt to one agent: repeated claims answer the same word. */
function checkFences(claims: readonly ClaimSeen[]): string[] {
  const words = new Map<string, string>();
  return claims.flatMap(({ task, agent }) => {
    const giving = `${task.step_id} fence ${task.fence}`;
    const word = `${agent.id} ${task.attempt} ${task.task}`;
    const first = words.get(giving) ?? word;
    words.set(giving, first);
    return first === word ? [] : [`${giving} was given as ${first} and as ${word}`];
  });
}

/** I5: an unsafe effect is announced before it is given away, and given again only by a handover. */
function checkUnsafe(run: RunFacts, claims: readonly ClaimSeen[]): string[] {
  const fences = new Map<string, Set<number>>();
  const found: string[] = [];
  for (const { task, atMs } of claims) {
    const { step_id: step, attempt, fence } = task;
    const planned = run.plan.steps[run.plan.indexOf.get(step) ?? -1];
    if (planned?.effect !== 'unsafe') continue;
    const id = `${step}#${attempt}`;
    fences.set(id, (fences.get(id) ?? new Set()).add(fence));
    const times = 1 + handoverNotes(run, step, attempt).length;
    const givenBack = `giveBack:${id}@${fence}`;
    if (run.events.some(({ commandId }) => commandId === givenBack))
      found.push(`unsafe ${id} was given to an agent and given back as if it had not been`);
    if ((fences.get(id)?.size ?? 0) > times) found.push(`unsafe ${id} was given again`);
    const isTold = run.events.some(
      ({ body, occurredAtMs }) =>
        body.type === 'StepStarted' &&
        body.step === step &&
        body.attempt === attempt &&
        occurredAtMs <= atMs,
    );
    if (!isTold) found.push(`unsafe ${id} was given unannounced`);
  }
  return found;
}

function isFor({ target }: AgentWork, { id, capabilities }: AgentModel): boolean {
  return 'agent' in target ? target.agent === id : capabilities.includes(target.capability);
}

function isScheduled({ events }: RunFacts, step: string, attempt: number): boolean {
  return events.some(
    ({ body }) =>
      body.type === 'StepsScheduled' &&
      body.steps.some((one) => one.step === step && one.attempt === attempt),
  );
}

/** One for each handover of the attempt. */
function handoverNotes(
  { events }: RunFacts,
  step: string,
  attempt: number,
): (string | undefined)[] {
  return events.flatMap(({ body }) =>
    body.type === 'TaskHandedOver' && body.step === step && body.attempt === attempt
      ? [body.note]
      : [],
  );
}

/** The attempt had ended by then, one way or another. */
function isOver(run: RunFacts, seen: AttemptSeen): boolean {
  return run.events.some(
    ({ body, occurredAtMs }) => occurredAtMs <= seen.atMs && endsAttempt(body, seen),
  );
}

export function endsAttempt(
  body: RunEvent['body'],
  { step, attempt }: Pick<AttemptSeen, 'step' | 'attempt'>,
): boolean {
  switch (body.type) {
    case 'StepsCancelled':
    case 'StepsSkipped':
      return body.steps.some((one) => one.step === step);
    case 'StepCompleted':
    case 'StepFailed':
    case 'StepAttemptFailed':
    case 'StepOutcomeUnknown':
      return body.step === step && body.attempt === attempt;
    default:
      return false;
  }
}

/** The task went back or elsewhere, though nobody may have taken it yet. */
function hasLeft({ events }: RunFacts, { step, attempt }: AttemptSeen): boolean {
  return events.some(({ body, commandId }) => {
    if (commandId.startsWith(`ReturnStep:${step}#${attempt}@`)) return true;
    return body.type === 'TaskHandedOver' && body.step === step && body.attempt === attempt;
  });
}
