import { toolCall } from '../src/application/tool-call.ts';
import type { UseCaseError } from '../src/application/use-case.ts';
import { nearestName } from '../src/domain/definition/nearest-name.ts';
import { completeAgent } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { UNTRUSTED, jsonContent } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

const MIME_TYPE = 'application/json';

export const agentResource = defineResource({
  name: 'agent',
  title: 'An agent',
  description: 'What an agent can do, and whether it is there.',
  uri: 'agent://{agent_id}',
  mimeType: MIME_TYPE,
  useCase: 'listAgents',
  complete: { agent_id: completeAgent },
  // Ordered by id, so that the last one shown is the cursor.
  list: async (application, context, { cursor, limit }) => {
    const known = await application.listAgents(context, {});
    if (!known.ok) return known;
    const rest = known.value.agents.filter(
      ({ agent_id }) => cursor === undefined || agent_id > cursor,
    );
    const shown = rest.slice(0, limit);
    const last = shown.at(-1)?.agent_id;
    const entries = shown.map(({ agent_id, capabilities }) => ({
      uri: `agent://${agent_id}`,
      name: agent_id,
      title: clip(`Agent ${agent_id}: ${capabilities.join(', ')}`, 200),
      mimeType: MIME_TYPE,
    }));
    const isMore = rest.length > shown.length && last !== undefined;
    return { ok: true, value: { entries, ...(isMore && { nextCursor: last }) } };
  },
  read: async (application, context, { agent_id }) => {
    const known = await application.listAgents(context, {});
    if (!known.ok) return known;
    const { agents } = known.value;
    const agent = agents.find((one) => one.agent_id === agent_id);
    if (agent === undefined) {
      const names = agents.map((one) => one.agent_id);
      return { ok: false, error: unknownAgent(agent_id, names) };
    }
    const { capabilities, description, client, status, last_seen_at } = agent;
    const content = jsonContent({
      agent_id,
      status,
      last_seen_at,
      client,
      capabilities: [...capabilities],
      ...(description !== undefined && { description: clip(description, 4_000) }),
      note: UNTRUSTED,
    });
    return { ok: true, value: content };
  },
});

function unknownAgent(id: string, names: readonly string[]): UseCaseError {
  const nearest = nearestName(id, names);
  return {
    code: 'unknown_agent',
    message: `No agent "${clip(id, 100)}" was seen here in the last 30 days.`,
    changed: 'nothing',
    next: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}${toolCall('list_catalog', { kind: 'agents' })} shows who there is.`,
  };
}
