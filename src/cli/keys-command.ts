import type { OperatorKeyStatus, OperatorKeyView } from '../application/people/operator-keys.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { maskKeys } from './mask-keys.ts';
import { printTable } from './table.ts';

export const addKeysCommand: AddCommand = (program, action) => {
  const keys = program
    .command('keys')
    .description('operator keys: by them people are known where there is no terminal to ask at');
  keys
    .command('create')
    .description('make a key and print it, once: only its SHA-256 is kept')
    .argument('<NAME>', 'of the person whose answers it stands for')
    .option('--expires <duration>', 'such as 90d or 12h, at most 366d (default: 90d)')
    .action(action(create));
  keys
    .command('list')
    .description('list the keys (not the keys themselves), and those that ended within 90 days')
    .action(action(list));
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<NAME|ID>', 'the id of a key, or a name: all keys of that name')
    .action(action(revoke));
};

async function create(invocation: Invocation): Promise<ExitCode> {
  const { createOperatorKeyInputSchema } =
    await import('../application/people/create-operator-key.ts');
  const name = invocation.args[0] ?? '';
  const options = { expires: 'expires' };
  const input = await parsed(invocation, createOperatorKeyInputSchema, options, { name });
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const created = valueOf(await baton.application.createOperatorKey(callContext(baton), input));
    terminal.json(created);
    if (terminal.isJson) return EXIT.ok;
    // Alone on standard output, so that it can go to a file without being seen.
    terminal.line(created.key);
    terminal.note(
      `Key ${created.id} of ${created.name}, until ${created.expires_at}. It is shown this once.`,
    );
    terminal.note(
      'Keep it in a file that only you can read (chmod 600), away from agents, and give it by --key-file or BATON_OPERATOR_KEY.',
    );
    return EXIT.ok;
  });
}

async function list(invocation: Invocation): Promise<ExitCode> {
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const known = valueOf(await baton.application.listOperatorKeys(callContext(baton), {}));
    terminal.json(known);
    if (known.keys.length === 0) terminal.line('No operator keys.');
    else await printKeys(invocation, known.keys);
    return EXIT.ok;
  });
}

async function revoke(invocation: Invocation): Promise<ExitCode> {
  return invocation.withBaton(async (baton) => {
    const { terminal } = invocation;
    const name_or_id = maskKeys(invocation.args[0] ?? '');
    const revoked = valueOf(
      await baton.application.revokeOperatorKey(callContext(baton), { name_or_id }),
    );
    terminal.json(revoked);
    await printKeys(invocation, revoked.keys);
    if (!revoked.changed) terminal.line('Nothing had to be changed.');
    return EXIT.ok;
  });
}

const STYLES = { active: 'green', expired: 'yellow', revoked: 'red' } as const satisfies Readonly<
  Record<OperatorKeyStatus, string>
>;

async function printKeys(
  { terminal }: Invocation,
  keys: readonly OperatorKeyView[],
): Promise<void> {
  const head = ['id', 'name', 'status', 'created', 'expires', 'last used'];
  const rows = keys.map(({ id, name, status, created_at, expires_at, last_used_at }) => [
    id,
    name,
    terminal.style(STYLES[status], status),
    created_at,
    expires_at,
    last_used_at ?? 'never',
  ]);
  await printTable(terminal, head, rows);
}
