import { join } from 'node:path';
import {
  staleHeaders,
  type ConnectClient,
  type EntryShape,
  type Server,
} from './connect-client.ts';
import { xdgConfigHome } from './places.ts';

/** Milliseconds; longer than any wait of Baton's (25 s). */
const TIMEOUT_MS = 60_000;

const USER_FILES = ['opencode.jsonc', 'opencode.json', 'config.json'];
const PROJECT_FILES = [
  '.opencode/opencode.jsonc',
  '.opencode/opencode.json',
  'opencode.jsonc',
  'opencode.json',
];

/**
 * OpenCode 1.18: `$XDG_CONFIG_HOME/opencode/` (`~/.config` on every system) holds `opencode.jsonc`, `opencode.json` and
 * the older `config.json`; a project `opencode.json(c)` there or in `.opencode/`. All are merged, later ones winning
 * (https://opencode.ai/docs/config/, https://opencode.ai/docs/mcp-servers/, and the loader of the npm package).
 */
export const opencode: ConnectClient = {
  id: 'opencode',
  title: 'OpenCode',
  section: 'mcp',
  dialect: { comments: true, trailingCommas: true },
  newFile: { $schema: 'https://opencode.ai/config.json' },
  files: (scope, surroundings) => {
    const directory =
      scope === 'project' ? surroundings.cwd : join(xdgConfigHome(surroundings), 'opencode');
    const names = scope === 'project' ? PROJECT_FILES : USER_FILES;
    return {
      candidates: names.map((name) => join(directory, name)),
      made: join(directory, 'opencode.json'),
    };
  },
  entry: shape,
  next: 'Restart OpenCode; "opencode mcp list" shows the server.',
};

function shape(server: Server): EntryShape {
  const initial = { enabled: true, timeout: TIMEOUT_MS };
  if (server.kind === 'http')
    return {
      owned: { type: 'remote', url: server.url },
      // What answers was asked without OAuth: OpenCode need not try it.
      initial: { oauth: false, ...initial },
      merged: { key: 'headers', values: server.headers },
      contradicting: ['command', 'environment', 'cwd', ...staleHeaders(server)],
    };
  return {
    owned: { type: 'local', command: [server.command, ...server.args] },
    initial,
    merged: { key: 'environment', values: server.env },
    contradicting: ['url', 'headers', 'oauth'],
  };
}
