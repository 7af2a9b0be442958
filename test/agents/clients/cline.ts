import { OPENAI_FORMAT } from '../model/openai-format.ts';
import { NO_KEY, type AgentClient } from './agent-client.ts';

const PROVIDER = 'openai-compatible';
const MODEL = 'scripted';

export const CLINE: AgentClient = {
  name: 'cline',
  title: 'Cline CLI',
  package: 'cline',
  version: '3.0.65',
  command: 'cline',
  acpArguments: ['--acp'],
  format: OPENAI_FORMAT,
  environment: () => ({
    CLINE_API_KEY: NO_KEY,
    CLINE_PROVIDER: PROVIDER,
    CLINE_MODEL: MODEL,
    CLINE_NO_AUTO_UPDATE: '1',
    // Sessions inside the process: the other kind leaves a daemon behind.
    CLINE_SESSION_BACKEND_MODE: 'local',
  }),
  configure: (workplace, modelUrl) => {
    workplace.writeHomeJson('.cline/data/settings/global-settings.json', {
      telemetryOptOut: true,
      autoUpdateEnabled: false,
    });
    workplace.writeHomeJson('.cline/data/settings/providers.json', {
      version: 1,
      lastUsedProvider: PROVIDER,
      modes: {},
      providers: {
        [PROVIDER]: {
          settings: {
            provider: PROVIDER,
            apiKey: NO_KEY,
            model: MODEL,
            baseUrl: `${modelUrl}/v1`,
          },
          updatedAt: '2026-01-01T00:00:00.000Z',
          tokenSource: 'manual',
        },
      },
    });
  },
};
