import type { EffectClass } from '../../src/domain/definition/step-kind.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Random } from './random.ts';

/** Who takes part beside the engine's own workers. */
export type Cast = 'workers' | 'agents';

export interface AgentModel {
  readonly id: string;
  readonly capabilities: readonly string[];
}

export const AGENTS: readonly [AgentModel, ...AgentModel[]] = [
  { id: 'ada', capabilities: ['review'] },
  { id: 'bob', capabilities: ['review', 'build'] },
  { id: 'cyd', capabilities: ['build'] },
];
export const PEOPLE = ['anna', 'ben'] as const;
export const INSTRUCTIONS = 'do as drawn';
const QUESTION = 'go on?';

export interface AgentWork {
  readonly kind: 'agent';
  readonly target: { readonly agent: string } | { readonly capability: string };
  readonly effect: EffectClass;
  /** From the first offer. */
  readonly timeoutMs: number | undefined;
  /** The length of a lease; else that of the default. */
  readonly heartbeatMs: number | undefined;
  /** Where the contract is written. */
  readonly contract: 'with' | 'outputSchema' | undefined;
  /** `circles`: whoever gets it hands it on, for as long as that is allowed. `cursed`: nobody ever reports on it. */
  readonly habit: 'none' | 'circles' | 'cursed';
}

export interface ApprovalWork {
  readonly kind: 'approval';
  readonly choices: readonly [string, ...string[]] | undefined;
  readonly approvers: readonly string[] | undefined;
  readonly expiresMs: number | undefined;
}

export function drawPeopleWork(random: Random): AgentWork | ApprovalWork {
  return random.chance(0.7) ? drawAgent(random) : drawApproval(random);
}

function drawAgent(random: Random): AgentWork {
  const { id, capabilities } = random.pick(AGENTS);
  const [capability = 'review'] = random.sample(capabilities, 1);
  const roll = random.next();
  const habit = roll < 0.05 ? 'circles' : roll < 0.1 ? 'cursed' : 'none';
  const longestMs = habit === 'cursed' ? 4_000 : 20_000;
  const hasHeartbeat = random.chance(0.9) || habit === 'cursed';
  return {
    kind: 'agent',
    target: random.chance(0.25) ? { agent: id } : { capability },
    effect: random.pick(['idempotent', 'keyed', 'unsafe', 'unsafe']),
    timeoutMs: random.chance(0.25) ? random.int(1_000, 60_000) : undefined,
    heartbeatMs: hasHeartbeat ? random.int(2_000, longestMs) : undefined,
    contract: random.chance(0.15) ? random.pick(['with', 'outputSchema']) : undefined,
    habit,
  };
}

function drawApproval(random: Random): ApprovalWork {
  return {
    kind: 'approval',
    choices: random.pick([undefined, ['ship', 'wait'], ['yes']]),
    approvers: random.pick([undefined, undefined, ['anna'], ['anna', 'ben']]),
    expiresMs: random.chance(0.4) ? random.int(0, 30_000) : undefined,
  };
}

export function writeAgent(work: AgentWork): JsonObject {
  const { target, effect, timeoutMs, heartbeatMs, contract } = work;
  const schema = { type: 'object', required: ['v'] };
  return {
    with: {
      ...target,
      instructions: INSTRUCTIONS,
      ...(contract === 'with' && { output: schema }),
    },
    effect,
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    ...(heartbeatMs !== undefined && { heartbeat: heartbeatMs }),
    ...(contract === 'outputSchema' && { outputSchema: schema }),
  };
}

export function writeApproval({ choices, approvers, expiresMs }: ApprovalWork): JsonObject {
  return {
    with: {
      question: QUESTION,
      ...(choices && { choices: [...choices] }),
      ...(approvers && { approvers: [...approvers] }),
      ...(expiresMs !== undefined && { expires: expiresMs }),
    },
  };
}
