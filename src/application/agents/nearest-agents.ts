import { nearestName } from '../../domain/definition/nearest-name.ts';
import type { HandoverTarget } from '../../domain/events.ts';
import type { AgentRecord } from './agent-registry.ts';

/** `Did you mean "code-review"? `, or nothing. */
export function nearestAgents(to: HandoverTarget, agents: readonly AgentRecord[]): string {
  const names = agents.flatMap(({ agentId, capabilities }) =>
    to.kind === 'agent' ? [agentId] : capabilities,
  );
  const nearest = nearestName(to.name ?? '', [...new Set(names)]);
  return nearest === undefined || nearest === to.name ? '' : `Did you mean "${nearest}"? `;
}
