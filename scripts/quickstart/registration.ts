import { join } from 'node:path';
import type { ConnectClient, Server } from '../../src/cli/connect/connect-client.ts';
import { cline } from '../../src/cli/connect/cline.ts';
import { newEntry } from '../../src/cli/connect/entry-change.ts';
import { gemini } from '../../src/cli/connect/gemini.ts';
import { opencode } from '../../src/cli/connect/opencode.ts';

const FILES: readonly (readonly [ConnectClient, string])[] = [
  [opencode, 'opencode.json'],
  [gemini, '.gemini/settings.json'],
  [cline, 'cline_mcp_settings.json'],
];

/** What to put into each client's configuration: what `baton connect CLIENT` writes. */
export function registrationLines(repository: string): string {
  const server: Server = {
    kind: 'stdio',
    command: 'node',
    args: [join(repository, 'dist/src/main.js'), 'mcp', '--toolsets', 'all'],
    // Shell steps are off until the programs they may run are named.
    env: { BATON_SHELL_ALLOW: 'node,npm,git' },
  };
  return FILES.flatMap(([client, file]) => [
    `  ${client.title}, ${file}:`,
    `    ${JSON.stringify({ [client.section]: { baton: newEntry(client.entry(server)) } })}`,
  ]).join('\n');
}
