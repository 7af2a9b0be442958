import { z } from 'zod';
import { agentNameSchema } from '../../../domain/definition/agent-kind.ts';
import type { AgentView } from '../../../application/agents/agent-view.ts';
import { defineRoute } from '../define-route.ts';
import { NONE, next, time } from '../schemas.ts';

const MAX_CAPABILITIES = 50;

export const agentId = agentNameSchema.describe('Your own stable name');
export const capabilities = z.array(agentNameSchema).max(MAX_CAPABILITIES);

const agent = z.object({
  agent_id: z.string(),
  capabilities: z.array(z.string()),
  description: z.string().optional(),
  client: z.string(),
  status: z.enum(['present', 'away']).describe('present: seen in the last 15 minutes'),
  last_seen_at: time,
});

function viewAgent(view: AgentView): z.infer<typeof agent> {
  return { ...view, capabilities: [...view.capabilities] };
}

export const listAgents = defineRoute({
  name: 'list_agents',
  method: 'GET',
  path: '/agents',
  tag: 'agents',
  summary: 'Agents seen in the last 30 days, by id',
  useCase: 'listAgents',
  params: NONE,
  query: NONE,
  body: NONE,
  statuses: { 200: 'The agents' },
  answer: ['AgentList', z.object({ agents: z.array(agent) })],
  errors: [],
  run: async (application, context) => {
    const listed = await application.listAgents(context, {});
    if (!listed.ok) return listed;
    return {
      ok: true,
      value: { status: 200, body: { agents: listed.value.agents.map(viewAgent) } },
    };
  },
});

export const registerAgent = defineRoute({
  name: 'register_agent',
  method: 'POST',
  path: '/agents',
  tag: 'agents',
  summary: 'Make an agent known to those who hand work on',
  description: 'What is left out stays as it was. claim_task registers an agent it does not know.',
  useCase: 'registerAgent',
  params: NONE,
  query: NONE,
  body: z.strictObject({
    agent_id: agentId,
    capabilities: capabilities.optional().describe('What tasks you take'),
    description: z.string().max(1_000).optional(),
  }),
  example: { agent_id: 'reviewer-1', capabilities: ['code-review'] },
  statuses: { 200: 'The agent as it is known now' },
  answer: ['RegisteredAgent', agent.extend({ next })],
  errors: [],
  run: async (application, context, { body }) => {
    const registered = await application.registerAgent(context, body);
    if (!registered.ok) return registered;
    const answer = { ...viewAgent(registered.value), next: [...registered.value.next] };
    return { ok: true, value: { status: 200, body: answer } };
  },
});
