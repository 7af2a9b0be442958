import type { EventOf } from '../../src/domain/events.ts';
import { isJsonObject } from '../../src/domain/json.ts';
import { AGENT_CODES } from './agent-behaviour.ts';
import type { AgentWork, ApprovalWork } from './generate-people.ts';

/** Who reports: an agent, a person, or nobody (the engine, or somebody who resolved an unknown outcome). */
function performerOf(worker: string | undefined): string {
  return worker === undefined ? 'nobody' : worker.slice(0, worker.indexOf(':'));
}

/** What is wrong with a result of an agent's step. What its output must be, only who reported it knows. */
export function checkAgentResult(
  id: string,
  work: AgentWork,
  body: EventOf<'StepCompleted'> | EventOf<'StepFailed'> | EventOf<'StepAttemptFailed'>,
): string[] {
  const who = performerOf(body.worker);
  if (!['nobody', 'agent', 'person'].includes(who)) return [`${id} was done by ${who}`];
  if (body.type !== 'StepCompleted')
    return codesOf(work, who).includes(body.error.code)
      ? []
      : [`${id}#${body.attempt} failed with ${body.error.code}, told by ${who}`];
  const keepsContract = isJsonObject(body.output) && body.output.v !== undefined;
  return keepsContract || work.contract === undefined
    ? []
    : [`${id} completed against its contract`];
}

function codesOf({ timeoutMs, effect }: AgentWork, who: string): readonly string[] {
  if (who === 'agent') return [...AGENT_CODES.map((code) => code ?? 'agent_failed'), 'poison'];
  if (who === 'person') return ['failed_by_person'];
  // What comes from nobody ends a wait between two attempts too, with the error of the last one.
  const own = [...AGENT_CODES.map((code) => code ?? 'agent_failed'), 'failed_by_person'];
  return [
    ...own,
    ...(timeoutMs === undefined ? [] : ['timeout']),
    ...(effect === 'unsafe' ? ['resolved_failed'] : []),
  ];
}

/** What is wrong with the end of an approval step. */
export function checkApprovalResult(
  id: string,
  { choices = ['approve'], approvers, expiresMs }: ApprovalWork,
  body: EventOf<'StepCompleted'> | EventOf<'StepFailed'> | EventOf<'StepAttemptFailed'>,
): string[] {
  if (body.type === 'StepAttemptFailed') return [`${id} is retried, though people decided`];
  if (body.type === 'StepFailed') {
    const codes = ['rejected', ...(expiresMs === undefined ? [] : ['approval_expired'])];
    return codes.includes(body.error.code) ? [] : [`${id} failed with ${body.error.code}`];
  }
  const { choice, by } = isJsonObject(body.output) ? body.output : {};
  const isAllowed = approvers === undefined || approvers.some((name) => name === by);
  return choices.some((offered) => offered === choice) && isAllowed
    ? []
    : [`${id} was answered with ${JSON.stringify(body.output)}`];
}

/** People have the time to answer that the definition gives them. */
export function checkAsked(
  id: string,
  { expiresMs }: ApprovalWork,
  { dueAtMs }: EventOf<'ApprovalRequested'>,
  askedAtMs: number,
): string[] {
  const expected = expiresMs === undefined ? undefined : askedAtMs + expiresMs;
  return dueAtMs === expected ? [] : [`${id} expires at ${dueAtMs ?? '-'}`];
}
