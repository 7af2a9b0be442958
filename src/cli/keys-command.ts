import type { KeyStatus, KeyView } from '../application/access/api-keys.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { adviceOn } from './key-advice.ts';
import { maskKeys } from './mask-keys.ts';
import { printTable } from './table.ts';

export const addKeysCommand: AddCommand = (program, action) => {
  const keys = program
    .command('keys')
    .description('keys for people away from a terminal, and for whoever calls over HTTP');
  keys
    .command('create')
    .description('make a key and print it, once: only its SHA-256 is kept')
    .argument('<NAME>', 'of the person or program that it stands for')
    .option(
      '--scopes <list>',
      'of runs:read, runs:write, agents:work, approvals:resolve, admin (default: approvals:resolve)',
    )
    .option('--tenant <tenant>', 'whose runs it is about (default: default)')
    .option('--expires <duration>', 'such as 90d or 12h, at most 366d (default: 90d)')
    .action(action(create));
  keys
    .command('list')
    .description('list the keys (not the keys themselves), and those that ended within 90 days')
    .option('--tenant <tenant>', 'only those of this tenant')
    .action(action(list));
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<NAME|ID>', 'the id of a key, or a name: all keys of that name')
    .option('--tenant <tenant>', 'whose keys a name means (default: default)')
    .action(action(revoke));
};

async function create(invocation: Invocation): Promise<ExitCode> {
  const { createKeyInputSchema } = await import('../application/access/create-key.ts');
  const name = invocation.args[0] ?? '';
  const options = { expires: 'expires', scopes: 'scopes', tenant: 'tenant' };
  const input = await parsed(invocation, createKeyInputSchema, options, { name });
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const created = valueOf(await baton.application.createKey(callContext(baton), input));
    terminal.json(created);
    if (terminal.isJson) return EXIT.ok;
    // Alone on standard output, so that it can go to a file without being seen.
    terminal.line(created.key);
    for (const note of adviceOn(created)) terminal.note(note);
    return EXIT.ok;
  });
}

async function list(invocation: Invocation): Promise<ExitCode> {
  const { listKeysInputSchema } = await import('../application/access/list-keys.ts');
  const input = await parsed(invocation, listKeysInputSchema, { tenant: 'tenant' });
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const known = valueOf(await baton.application.listKeys(callContext(baton), input));
    terminal.json(known);
    if (known.keys.length === 0) terminal.line('No keys.');
    else await printKeys(invocation, known.keys);
    return EXIT.ok;
  });
}

async function revoke(invocation: Invocation): Promise<ExitCode> {
  const { revokeKeyInputSchema } = await import('../application/access/revoke-key.ts');
  const name_or_id = maskKeys(invocation.args[0] ?? '');
  const options = { tenant: 'tenant' };
  const input = await parsed(invocation, revokeKeyInputSchema, options, { name_or_id });
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const revoked = valueOf(await baton.application.revokeKey(callContext(baton), input));
    terminal.json(revoked);
    await printKeys(invocation, revoked.keys);
    if (!revoked.changed) terminal.line('Nothing had to be changed.');
    return EXIT.ok;
  });
}

const STYLES = { active: 'green', expired: 'yellow', revoked: 'red' } as const satisfies Readonly<
  Record<KeyStatus, string>
>;

async function printKeys({ terminal }: Invocation, keys: readonly KeyView[]): Promise<void> {
  const head = ['id', 'name', 'tenant', 'scopes', 'status', 'created', 'expires', 'last used'];
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.tenant,
    key.scopes.join(','),
    terminal.style(STYLES[key.status], key.status),
    key.created_at,
    key.expires_at,
    key.last_used_at ?? 'never',
  ]);
  await printTable(terminal, head, rows);
}
