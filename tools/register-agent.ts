import { registerAgentInputSchema } from '../src/application/agents/register-agent.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { nextLines } from '../src/mcp/run-text.ts';

export const registerAgent = defineTool({
  name: 'register_agent',
  title: 'Register as an agent',
  description:
    'Make yourself known with your capabilities, so that others can hand you work. claim_task does it too.',
  toolset: 'agents',
  useCase: 'registerAgent',
  isDefault: false,
  inputSchema: registerAgentInputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const registered = await application.registerAgent(context, input);
    if (!registered.ok) return registered;
    const { agent_id, capabilities, next } = registered.value;
    const what = capabilities.length === 0 ? 'no capabilities' : capabilities.join(', ');
    return {
      ok: true,
      value: {
        text: [`agent ${agent_id} is registered with ${what}`, ...nextLines(next)].join('\n'),
      },
    };
  },
});
