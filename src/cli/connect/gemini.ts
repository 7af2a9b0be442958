import { join } from 'node:path';
import { commonShape, oneFile, staleHeaders, type ConnectClient } from './connect-client.ts';
import { variable } from './places.ts';

/**
 * Gemini CLI 0.61: `.gemini/settings.json` in the home directory (or in GEMINI_CLI_HOME) or in the project. Comments are
 * taken out before JSON is parsed, so trailing commas are errors. `type` is not used; HTTP is `httpUrl`
 * (https://geminicli.com/docs/tools/mcp-server/, docs/reference/configuration.md and the loader of the npm package).
 */
export const gemini: ConnectClient = {
  id: 'gemini',
  title: 'Gemini CLI',
  section: 'mcpServers',
  dialect: { comments: true, trailingCommas: false },
  newFile: {},
  files: (scope, surroundings) => {
    const { cwd, home } = surroundings;
    const base = scope === 'project' ? cwd : (variable(surroundings, 'GEMINI_CLI_HOME') ?? home);
    return oneFile(join(base, '.gemini', 'settings.json'));
  },
  entry: (server) =>
    server.kind === 'http'
      ? {
          owned: { httpUrl: server.url },
          initial: { trust: false },
          merged: { key: 'headers', values: server.headers },
          contradicting: ['command', 'args', 'cwd', 'url', ...staleHeaders(server)],
        }
      : commonShape(server, { initial: { trust: false } }),
  next: 'Restart Gemini CLI; "gemini mcp list" shows the server.',
};
