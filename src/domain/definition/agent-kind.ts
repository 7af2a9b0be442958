import { z } from 'zod';
import { isJsonObject, type Json } from '../json.ts';
import { MAX_INSTRUCTIONS_CHARS } from '../limits.ts';
import type { DefinitionError } from './definition-error.ts';
import { ONCE, type StepKind } from './step-kind.ts';

/** Capabilities and agent ids: both name a queue. */
export const AGENT_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const NAME_RULE =
  'must be at most 64 lower case letters, digits, dots, hyphens and underscores, beginning with a letter or digit';
export const agentNameSchema = z.string().regex(AGENT_NAME, NAME_RULE);

const ONE_OF_CAPABILITY_AND_AGENT = 'needs exactly one of "capability" and "agent"';

export const agentInputSchema = z
  .strictObject({
    /** Any agent that has it may claim the task. */
    capability: agentNameSchema.optional(),
    /** Only this agent may claim it. */
    agent: agentNameSchema.optional(),
    instructions: z.string().min(1).max(MAX_INSTRUCTIONS_CHARS),
    /** Handed to the agent beside the instructions. */
    context: z.custom<Json>().optional(),
    /** JSON Schema, checked where it is compiled: the contract that the agent's output must keep. */
    output: z.custom<Json>().optional(),
  })
  .refine((input) => (input.capability === undefined) !== (input.agent === undefined), {
    error: ONE_OF_CAPABILITY_AND_AGENT,
  });

export const AGENT_KIND: StepKind = {
  inputSchema: agentInputSchema,
  isInputRequired: true,
  settings: ['timeout', 'heartbeat', 'retry', 'effect'],
  performer: 'agent',
  timeoutMs: undefined,
  retry: ONCE,
  effect: 'idempotent',
  queueOf: (input) => {
    if (!isJsonObject(input)) return agentQueue({ capability: '' });
    const { capability, agent } = input;
    return agentQueue(
      typeof agent === 'string'
        ? { agent }
        : { capability: typeof capability === 'string' ? capability : '' },
    );
  },
  outputSchemaOf: (input) => (isJsonObject(input) ? input.output : undefined),
  checkWritten: checkAgent,
};

export type AgentTarget = { readonly agent: string } | { readonly capability: string };

const CAPABILITY_PREFIX = 'agent:';
const AGENT_PREFIX = 'agent@';

/** Where tasks for an agent, or for any agent with a capability, wait. */
export function agentQueue(target: AgentTarget): string {
  return 'agent' in target
    ? `${AGENT_PREFIX}${target.agent}`
    : `${CAPABILITY_PREFIX}${target.capability}`;
}

/** The inverse of `agentQueue`; `undefined` for a queue of workers. */
export function agentTargetOf(queue: string): AgentTarget | undefined {
  if (queue.startsWith(AGENT_PREFIX)) return { agent: queue.slice(AGENT_PREFIX.length) };
  if (queue.startsWith(CAPABILITY_PREFIX))
    return { capability: queue.slice(CAPABILITY_PREFIX.length) };
  return undefined;
}

// Who may do the work is for the definition to say, and a contract that a run could change would be none.
function checkAgent(input: Json): readonly DefinitionError[] {
  if (typeof input === 'string' && input.includes('${{'))
    return [{ path: '', message: 'must be written out: it says which agents may do the work' }];
  if (!isJsonObject(input)) return [];
  const errors: DefinitionError[] = [];
  for (const path of ['capability', 'agent']) {
    const value = input[path];
    if (typeof value === 'string' && value.includes('${{'))
      errors.push({ path, message: 'says who may do the work and cannot hold an expression' });
  }
  if (JSON.stringify(input.output ?? null).includes('${{'))
    errors.push({ path: 'output', message: 'is a contract and cannot hold an expression' });
  if ((input.capability === undefined) === (input.agent === undefined))
    errors.push({ path: '', message: ONE_OF_CAPABILITY_AND_AGENT });
  return errors;
}
