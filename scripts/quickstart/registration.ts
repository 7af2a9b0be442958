import { join } from 'node:path';
import type { ConnectClient, Server } from '../../src/cli/connect/connect-client.ts';
import { cline } from '../../src/cli/connect/cline.ts';
import { newEntry } from '../../src/cli/connect/entry-change.ts';
import { gemini } from '../../src/cli/connect/gemini.ts';
import { opencode } from '../../src/cli/connect/opencode.ts';
import { shownStore } from '../../src/config/store-place.ts';

const ALLOWED = 'node,npm,git';
const SECRET_ADVICE =
  'write it as "store:" into ~/.config/baton/config.yaml (chmod 600), which every server reads';

const FILES: readonly (readonly [ConnectClient, string])[] = [
  [opencode, 'opencode.json'],
  [gemini, '.gemini/settings.json'],
  [cline, 'cline_mcp_settings.json'],
];

/** The command that does it, then what it writes into each client's configuration; `store`: where the server's runs are. */
export function registrationLines(repository: string, store?: string): string {
  // As `baton connect`: a password stays out of the files of clients.
  const isSecret = store !== undefined && shownStore(store) !== store;
  const storeOption = store === undefined || isSecret ? [] : ['--store', store];
  return [
    `  npx baton connect opencode --toolsets all --env BATON_SHELL_ALLOW=${ALLOWED}${storeOption.map(quoted).join('')}`,
    '  (or gemini, cline, claude, vscode, cursor; --dry-run shows the difference and writes nothing)',
    ...(isSecret ? [`  The store's URL has a password: ${SECRET_ADVICE}`] : []),
    '  What it writes, to look at:',
    ...clientEntries(repository, storeOption),
  ].join('\n');
}

function quoted(word: string): string {
  return ` ${/^[\w./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\\''`)}'`}`;
}

function clientEntries(repository: string, storeOption: readonly string[]): string[] {
  const server: Server = {
    kind: 'stdio',
    command: 'node',
    args: [join(repository, 'dist/src/main.js'), 'mcp', '--toolsets', 'all', ...storeOption],
    // Shell steps are off until the programs they may run are named.
    env: { BATON_SHELL_ALLOW: ALLOWED },
  };
  return FILES.flatMap(([client, file]) => [
    `  ${client.title}, ${file}:`,
    `    ${JSON.stringify({ [client.section]: { baton: newEntry(client.entry(server)) } })}`,
  ]);
}
