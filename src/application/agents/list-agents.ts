import { listAgents } from './agent-registry.ts';
import { viewAgent, type AgentView } from './agent-view.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export interface KnownAgents {
  /** Seen in the last 30 days, by id. */
  readonly agents: readonly AgentView[];
}

export function createListAgents({ store, clock }: ApplicationPorts): UseCase<object, KnownAgents> {
  return ({ tenant }) =>
    translatingErrors<KnownAgents>('nothing', async () => {
      const agents = await listAgents(store, tenant);
      return { ok: true, value: { agents: agents.map((one) => viewAgent(one, clock.now())) } };
    });
}
