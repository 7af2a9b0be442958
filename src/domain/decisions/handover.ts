import type { AnswerTask, HandOverTask } from '../commands.ts';
import { reject, type Decision, type FoundStep, type Ruling } from '../decision.ts';
import { agentQueue } from '../definition/agent-kind.ts';
import type { HandoverTarget } from '../events.ts';
import { MAX_HANDOVERS } from '../limits.ts';
import { awaitsPerson } from '../state.ts';
import { advance } from './advance.ts';
import { refuseIfHistoryFull } from './history-full.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt, roomError } from './step-failure.ts';
import { staleAttempt } from './stale-attempt.ts';

/** Only what agents do can be handed on: a worker's task is a program, which nobody can take over half done. */
export function handOverTask(decision: Decision, command: HandOverTask): Ruling {
  const { step, attempt, to, from, note, context, heartbeat } = command;
  const found = decision.find(step);
  if (found === undefined || !canBeHandedOver(found) || found.record.attempt !== attempt)
    return staleAttempt(command);
  const holder = found.record.handover?.to;
  if (awaitsPerson(found.record) && holder?.kind === 'person')
    if (holder.name !== undefined && from !== `person:${holder.name}`)
      return reject(
        'not_an_approver',
        `Step "${step}" was handed to "${holder.name}", who alone can hand it on.`,
        `"${holder.name}" has to do it.`,
      );
  const full = refuseIfHistoryFull(decision, 'Complete the task, or fail it with a reason.');
  if (full) return full;
  const handovers = found.record.handover?.count ?? 0;
  if (handovers >= MAX_HANDOVERS)
    return reject(
      'too_many_handovers',
      `This attempt was handed over ${handovers} times, which is the most: it goes round in circles.`,
      'Complete the task, fail it with a reason, or release it.',
    );
  const problem = decision.makeRoom([note ?? '', context ?? null, heartbeat ?? null]);
  if (problem)
    return reject(
      problem,
      `The task was not handed over: ${roomError(problem).message}.`,
      'Hand it over with less context.',
    );
  decision.emit({
    type: 'TaskHandedOver',
    step,
    attempt,
    to,
    from,
    ...(to.kind !== 'person' && { queue: queueOfTarget(to) }),
    ...(note !== undefined && { note }),
    ...(context !== undefined && { context }),
    ...(heartbeat !== undefined && { heartbeat }),
  });
  return decision.accept();
}

export function answerTask(decision: Decision, command: AnswerTask): Ruling {
  const { step, resolution, by } = command;
  const found = decision.find(step);
  if (found === undefined)
    return reject('unknown_step', `The run has no step "${step}".`, 'baton show lists its steps.');
  const refusal = refusalOf(found, command);
  if (refusal) return refusal;
  const { planned, record } = found;
  const { attempt, heartbeat, handover } = record;
  const performer = { worker: `person:${by}`, startedAtMs: handover?.atMs ?? 0 };
  if (resolution === 'completed')
    completeAttempt(decision, planned, attempt, { output: command.output ?? null, performer });
  else {
    const message = command.reason ?? `${by} declared it failed`;
    const error = { code: 'failed_by_person', message };
    failAttempt(decision, planned, attempt, { error, performer, heartbeat });
  }
  return advance(decision);
}

function refusalOf({ planned, record }: FoundStep, command: AnswerTask): Ruling | undefined {
  const { step, resolution, by } = command;
  const { handover } = record;
  if (handover?.to.kind !== 'person' || !awaitsPerson(record))
    return reject(
      'not_with_a_person',
      `Step "${step}" is ${record.status} and no task of a person.`,
      'baton inbox lists what waits for people.',
    );
  const { name } = handover.to;
  if (name !== undefined && name !== by)
    return reject(
      'not_an_approver',
      `Step "${step}" was handed to "${name}", not to "${by}".`,
      `"${name}" has to answer.`,
    );
  const output = command.output ?? null;
  const violations = resolution === 'completed' ? planned.outputContract?.validate(output) : [];
  if (violations !== undefined && violations.length > 0)
    return reject(
      'invalid_input',
      `The output does not fit the contract of step "${step}".`,
      'Give an output that fits.',
      violations,
    );
  return undefined;
}

function canBeHandedOver({ planned, record }: FoundStep): boolean {
  if (planned.performer !== 'agent') return false;
  return record.status === 'scheduled' || awaitsPerson(record);
}

function queueOfTarget({ kind, name = '' }: HandoverTarget): string {
  return agentQueue(kind === 'agent' ? { agent: name } : { capability: name });
}
