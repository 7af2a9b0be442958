import { GEMINI_FORMAT } from '../model/gemini-format.ts';
import { NO_KEY, type AgentClient } from './agent-client.ts';

export const GEMINI: AgentClient = {
  name: 'gemini',
  title: 'Gemini CLI',
  package: '@google/gemini-cli',
  version: '0.61.0',
  command: 'gemini',
  acpArguments: ['--acp'],
  authMethodId: 'gemini-api-key',
  format: GEMINI_FORMAT,
  // It reads only what it has seen listed when it connected; the run came later.
  resource: () => ({ uri: 'health://status' }),
  environment: (modelUrl) => ({
    GEMINI_API_KEY: NO_KEY,
    GOOGLE_GEMINI_BASE_URL: modelUrl,
    // A model by name: the automatic choice would ask another model first.
    GEMINI_MODEL: 'gemini-2.5-flash',
    GEMINI_TELEMETRY_ENABLED: 'false',
    GEMINI_CLI_TRUST_WORKSPACE: 'true',
    GEMINI_CLI_NO_RELAUNCH: 'true',
  }),
  configure: (workplace) =>
    workplace.writeHomeJson('.gemini/settings.json', {
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      security: { auth: { selectedType: 'gemini-api-key' } },
    }),
};
