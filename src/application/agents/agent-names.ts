import { z } from 'zod';
import { AGENT_NAME } from '../../domain/definition/agent-kind.ts';
import { nameListSchema } from '../call-arguments.ts';

const RULE = 'lower case letters, digits, dots, hyphens, underscores; at most 64';
const MAX_CAPABILITIES = 50;

const agentNameSchema = z.string().regex(AGENT_NAME, RULE);

export const agentIdSchema = agentNameSchema.describe('Your own stable name, e.g. opencode-1');
export const capabilitiesSchema = nameListSchema(agentNameSchema, MAX_CAPABILITIES);

/** Holds the leases of an agent, and stands in events as who did the work. */
export function ownerOf(agentId: string): string {
  return `agent:${agentId}`;
}

export function agentIdOf(owner: string): string {
  return owner.slice(owner.indexOf(':') + 1);
}
