import { join } from 'node:path';
import {
  commonShape,
  oneFile,
  type ConnectClient,
  type EntryShape,
  type Server,
} from './connect-client.ts';

/** Cursor: `.cursor/mcp.json` in the home directory or in the project (https://cursor.com/docs/mcp). */
export const cursor: ConnectClient = {
  id: 'cursor',
  title: 'Cursor',
  section: 'mcpServers',
  dialect: { comments: true, trailingCommas: true },
  newFile: {},
  files: (scope, { cwd, home }) =>
    oneFile(join(scope === 'project' ? cwd : home, '.cursor', 'mcp.json')),
  entry: shape,
  next: 'In Cursor, switch the server on under Customize, MCPs.',
};

function shape(server: Server): EntryShape {
  if (server.kind === 'stdio') return commonShape(server, { type: 'stdio' });
  const common = commonShape(server);
  return { ...common, contradicting: [...common.contradicting, 'type'] };
}
