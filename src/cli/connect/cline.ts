import { join } from 'node:path';
import { commonShape, oneFile, type ConnectClient } from './connect-client.ts';
import { variable } from './places.ts';

/** Seconds; longer than any wait of Baton's (25 s). */
const TIMEOUT_SECONDS = 60;

/**
 * Cline CLI 3.0: CLINE_MCP_SETTINGS_PATH, else `settings/cline_mcp_settings.json` in CLINE_DATA_DIR, else in `data/` of
 * CLINE_DIR or `~/.cline`. Plain JSON; `timeout` counts seconds. There is no file for a project
 * (https://docs.cline.bot/mcp/mcp-overview, and `resolveMcpSettingsPath` of the npm package @cline/shared 0.0.86).
 */
export const cline: ConnectClient = {
  id: 'cline',
  title: 'Cline',
  section: 'mcpServers',
  dialect: { comments: false, trailingCommas: false },
  newFile: {},
  files: (scope, surroundings) => {
    if (scope === 'project') return undefined;
    const named = variable(surroundings, 'CLINE_MCP_SETTINGS_PATH');
    if (named !== undefined) return oneFile(named);
    const base = variable(surroundings, 'CLINE_DIR') ?? join(surroundings.home, '.cline');
    const data = variable(surroundings, 'CLINE_DATA_DIR') ?? join(base, 'data');
    return oneFile(join(data, 'settings', 'cline_mcp_settings.json'));
  },
  entry: (server) =>
    commonShape(server, {
      type: server.kind === 'http' ? 'streamableHttp' : 'stdio',
      initial: { timeout: TIMEOUT_SECONDS, disabled: false },
    }),
  next: 'Restart Cline.',
};
