import { join } from 'node:path';
import { commonShape, oneFile, type ConnectClient } from './connect-client.ts';

/** Cursor: `.cursor/mcp.json` in the home directory or in the project (https://cursor.com/docs/mcp). */
export const cursor: ConnectClient = {
  id: 'cursor',
  title: 'Cursor',
  section: 'mcpServers',
  dialect: { comments: true, trailingCommas: true },
  newFile: {},
  files: (scope, { cwd, home }) =>
    oneFile(join(scope === 'project' ? cwd : home, '.cursor', 'mcp.json')),
  entry: (server) => commonShape(server, server.kind === 'stdio' ? { type: 'stdio' } : {}),
  next: 'In Cursor, switch the server on under Customize, MCPs.',
};
