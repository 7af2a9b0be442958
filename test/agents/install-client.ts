import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child-process.ts';
import type { AgentClient } from './clients/agent-client.ts';

const INSTALL_TIMEOUT_MS = 10 * 60_000;

/**
 * Installs the client with npm, configured as it is for this user, into a folder of its own below `directory`, and
 * answers the path of its command. A version that is there already is not installed again.
 */
export async function installClient(client: AgentClient, directory: string): Promise<string> {
  const folder = join(directory, client.name);
  const command = join(folder, 'node_modules/.bin', client.command);
  if (installedVersion(client, folder) === client.version && existsSync(command)) return command;
  mkdirSync(folder, { recursive: true });
  const { code, stderr } = await runChild(
    'npm',
    [
      'install',
      '--prefix',
      folder,
      '--cache',
      join(directory, 'npm-cache'),
      '--no-audit',
      '--no-fund',
      '--save-exact',
      `${client.package}@${client.version}`,
    ],
    // npm finds its registry and certificates in this user's own environment.
    { cwd: folder, env: process.env, timeoutMs: INSTALL_TIMEOUT_MS },
  );
  if (code !== 0)
    throw new Error(`npm install ended with ${String(code)}: ${stderr.slice(-1_500)}`);
  if (installedVersion(client, folder) !== client.version)
    throw new Error(`npm did not install ${client.package}@${client.version}`);
  return command;
}

function installedVersion(client: AgentClient, folder: string): string | undefined {
  const manifest = join(folder, 'node_modules', client.package, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version?: unknown }; // checked below
  return typeof version === 'string' ? version : undefined;
}
