import { isPresent, type AgentRecord } from './agent-registry.ts';
import { isoTime } from '../runs/step-view.ts';

export interface AgentView {
  readonly agent_id: string;
  readonly capabilities: readonly string[];
  readonly description?: string;
  readonly client: string;
  /** `present`: it made a call in the last 15 minutes. */
  readonly status: 'present' | 'away';
  readonly last_seen_at: string;
}

export function viewAgent(agent: AgentRecord, nowMs: number): AgentView {
  return {
    agent_id: agent.agentId,
    capabilities: agent.capabilities,
    ...(agent.description !== undefined && { description: agent.description }),
    client: agent.client,
    status: isPresent(agent, nowMs) ? 'present' : 'away',
    last_seen_at: isoTime(agent.lastSeenAtMs),
  };
}
