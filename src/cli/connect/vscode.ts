import { join } from 'node:path';
import { commonShape, oneFile, type ConnectClient, type Surroundings } from './connect-client.ts';
import { variable, xdgConfigHome } from './places.ts';

/**
 * VS Code: `mcp.json` of the default profile in the user's data directory, or `.vscode/mcp.json` of the project; the key is
 * `servers` (https://code.visualstudio.com/docs/agents/reference/mcp-configuration; the directory by
 * `src/vs/platform/environment/node/userDataPath.ts` of microsoft/vscode). Another profile, and Insiders, have files of
 * their own.
 */
export const vscode: ConnectClient = {
  id: 'vscode',
  title: 'VS Code',
  section: 'servers',
  dialect: { comments: true, trailingCommas: true },
  newFile: {},
  files: (scope, surroundings) =>
    oneFile(
      scope === 'project'
        ? join(surroundings.cwd, '.vscode', 'mcp.json')
        : join(userDirectory(surroundings), 'User', 'mcp.json'),
    ),
  entry: (server) => commonShape(server, { type: server.kind }),
  next: 'In VS Code, "MCP: List Servers" shows the server and starts it.',
};

function userDirectory(surroundings: Surroundings): string {
  const { home, platform } = surroundings;
  const portable = variable(surroundings, 'VSCODE_PORTABLE');
  if (portable !== undefined) return join(portable, 'user-data');
  const directory = variable(surroundings, 'VSCODE_APPDATA');
  if (directory !== undefined) return join(directory, 'Code');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Code');
  if (platform === 'win32')
    return join(variable(surroundings, 'APPDATA') ?? join(home, 'AppData', 'Roaming'), 'Code');
  return join(xdgConfigHome(surroundings), 'Code');
}
