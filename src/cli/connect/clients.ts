import { nearestName } from '../../domain/definition/nearest-name.ts';
import { usageFailure } from '../cli-failure.ts';
import { claude } from './claude.ts';
import { cline } from './cline.ts';
import type { ConnectClient } from './connect-client.ts';
import { cursor } from './cursor.ts';
import { gemini } from './gemini.ts';
import { opencode } from './opencode.ts';
import { vscode } from './vscode.ts';

export const CLIENTS: readonly ConnectClient[] = [opencode, gemini, cline, claude, vscode, cursor];

/** Throws a usage failure with the nearest name. */
export function findClient(name: string): ConnectClient {
  const client = CLIENTS.find(({ id }) => id === name.toLowerCase());
  if (client !== undefined) return client;
  const ids = CLIENTS.map(({ id }) => id);
  const nearest = nearestName(name, ids);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  throw usageFailure(
    `unknown client "${name}"${hint}`,
    `Clients: ${ids.join(', ')}. For any other, mcp.json shows what to register.`,
    'unknown_client',
  );
}
