import { z } from 'zod';
import { agentIdSchema, capabilitiesSchema } from './agent-names.ts';
import { noteAgent } from './agent-registry.ts';
import { viewAgent, type AgentView } from './agent-view.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { toolCall } from '../tool-call.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const registerAgentInputSchema = z.object({
  agent_id: agentIdSchema,
  capabilities: capabilitiesSchema.optional().describe('What tasks you take, e.g. code-review'),
  description: z.string().max(1_000).optional(),
});
export type RegisterAgentInput = z.infer<typeof registerAgentInputSchema>;

export interface RegisteredAgent extends AgentView {
  readonly next: readonly string[];
}

/** Makes an agent known to those who hand work on; what is left out stays as it was. Forgotten after 30 days unseen. */
export function createRegisterAgent(
  ports: ApplicationPorts,
): UseCase<RegisterAgentInput, RegisteredAgent> {
  return ({ tenant, actor }, { agent_id, capabilities, description }) =>
    translatingErrors<RegisteredAgent>('unknown', async () => {
      const agent = { tenant, agentId: agent_id };
      const record = await noteAgent(ports, agent, {
        client: actor,
        ...(capabilities && { capabilities }),
        ...(description !== undefined && { description }),
      });
      const next = [toolCall('claim_task', { agent_id, capabilities: record.capabilities })];
      return { ok: true, value: { ...viewAgent(record, ports.clock.now()), next } };
    });
}
