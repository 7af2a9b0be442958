import { OPENAI_FORMAT } from '../model/openai-format.ts';
import { NO_KEY, type AgentClient } from './agent-client.ts';

export const OPENCODE: AgentClient = {
  name: 'opencode',
  title: 'OpenCode',
  package: 'opencode-ai',
  version: '1.18.33',
  command: 'opencode',
  acpArguments: ['acp'],
  format: OPENAI_FORMAT,
  resource: (runId) => ({ server: 'baton', uri: `workflow://runs/${runId}` }),
  environment: () => ({
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_SHARE: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
  }),
  configure: (workplace, modelUrl) =>
    workplace.writeHomeJson('.config/opencode/opencode.json', {
      $schema: 'https://opencode.ai/config.json',
      autoupdate: false,
      share: 'disabled',
      model: 'scripted/scripted',
      small_model: 'scripted/scripted',
      // Tools ask, so that permission requests are part of the test.
      permission: { '*': 'ask' },
      enabled_providers: ['scripted'],
      provider: {
        scripted: {
          npm: '@ai-sdk/openai-compatible',
          name: 'Scripted',
          options: { baseURL: `${modelUrl}/v1`, apiKey: NO_KEY },
          models: { scripted: { name: 'Scripted', tool_call: true } },
        },
      },
    }),
};
