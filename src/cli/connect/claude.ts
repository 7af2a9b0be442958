import { join } from 'node:path';
import { commonShape, oneFile, type ConnectClient } from './connect-client.ts';
import { variable } from './places.ts';

/**
 * Claude Code: user scope is `mcpServers` at the top of `~/.claude.json` (`.claude.json` in CLAUDE_CONFIG_DIR where that
 * is set), project scope `.mcp.json` in the project's root (https://code.claude.com/docs/en/mcp, "MCP installation
 * scopes").
 */
export const claude: ConnectClient = {
  id: 'claude',
  title: 'Claude Code',
  section: 'mcpServers',
  dialect: { comments: true, trailingCommas: true },
  newFile: {},
  files: (scope, surroundings) => {
    if (scope === 'project') return oneFile(join(surroundings.cwd, '.mcp.json'));
    const directory = variable(surroundings, 'CLAUDE_CONFIG_DIR') ?? surroundings.home;
    return oneFile(join(directory, '.claude.json'));
  },
  entry: (server) => commonShape(server, { type: server.kind }),
  next: 'Restart Claude Code; "claude mcp list" shows the server.',
};
