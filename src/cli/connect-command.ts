import { describeProblem } from '../config/config-error.ts';
import { resolvePath } from '../config/config-layer.ts';
import { unknownVariables } from '../config/environment-layer.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { batonCommand } from './connect/baton-command.ts';
import { CLIENTS, findClient } from './connect/clients.ts';
import { connect, type ConnectRequest, type Connected } from './connect/connect.ts';
import type { Surroundings } from './connect/connect-client.ts';
import type { WantedServer } from './connect/entry-words.ts';
import { colouredDiff } from './connect/shown-diff.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** What every client takes as a name of a server. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$/;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

export const addConnectCommand: AddCommand = (program, action) => {
  program
    .command('connect')
    .description("register Baton in an agent's own configuration file, or take it out again")
    .argument('<CLIENT>', CLIENTS.map(({ id }) => id).join(', '))
    .option('--project', "the current directory's configuration instead of the user's")
    .option('--name <name>', 'of the server in the client; default: baton')
    .option(
      '--env <KEY=VALUE>',
      'variable for the server, for example BATON_SHELL_ALLOW=npm,git; may be repeated',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--toolsets <list>', 'groups of tools to offer: core, all, or names')
    .option('--dry-run', 'show the difference, write nothing')
    .option('--remove', 'take the server out')
    .action(action(run));
};

async function run(invocation: Invocation): Promise<ExitCode> {
  const surroundings = { ...invocation.cli.surroundings, platform: process.platform };
  const { wanted, notes } = invocation.flag('remove')
    ? refuseOptionsOfRemoval(invocation)
    : await readWanted(invocation, surroundings);
  const request: ConnectRequest = {
    client: findClient(invocation.args[0] ?? ''),
    scope: invocation.flag('project') ? 'project' : 'user',
    name: readName(invocation),
    wanted,
    surroundings,
    isDryRun: invocation.flag('dryRun'),
    now: new Date(),
  };
  report(invocation, request, await connect(request), notes);
  return EXIT.ok;
}

function readName(invocation: Invocation): string {
  const name = invocation.text('name') ?? 'baton';
  if (NAME.test(name)) return name;
  throw usageFailure(
    `--name "${name}" is no name that every client takes`,
    'Give letters, digits, "-" and "_", beginning with a letter or digit, 50 at most.',
  );
}

interface Wanted {
  readonly wanted: WantedServer | undefined;
  readonly notes: readonly string[];
}

function refuseOptionsOfRemoval(invocation: Invocation): Wanted {
  if (invocation.texts('env').length > 0 || invocation.text('toolsets') !== undefined)
    throw usageFailure(
      '--remove takes the whole server out: --env and --toolsets say nothing there',
      'Leave them out, or leave --remove out to change the server.',
    );
  return { wanted: undefined, notes: [] };
}

async function readWanted(invocation: Invocation, surroundings: Surroundings): Promise<Wanted> {
  const env = readVariables(invocation);
  const { node, main, notes } = batonCommand(surroundings, process.execPath, import.meta.dirname);
  const unknown = unknownVariables({ ...surroundings, environment: env }).map(describeProblem);
  return {
    wanted: { kind: 'stdio', command: node, main, options: await readOptions(invocation), env },
    notes: [...notes, ...unknown],
  };
}

function readVariables(invocation: Invocation): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of invocation.texts('env')) {
    const [, key, value] = VARIABLE.exec(text) ?? [];
    // The value may be a secret: it is never repeated.
    if (key === undefined || value === undefined)
      throw usageFailure(
        `--env "${text.split('=', 1)[0] ?? ''}…" is not KEY=VALUE`,
        'For example: --env BATON_SHELL_ALLOW=npm,git',
      );
    if (key === 'BATON_OPERATOR_KEY')
      throw usageFailure(
        `--env ${key}: would put a person's key into an agent's configuration`,
        'Give the key only to the commands of the person it belongs to.',
      );
    env[key] = value;
  }
  return env;
}

/** Options of this command line that the registered one is to have as well. */
async function readOptions(invocation: Invocation): Promise<Record<string, string>> {
  const { cwd, home } = invocation.cli.surroundings;
  const options: Record<string, string> = {};
  const toolsets = invocation.text('toolsets');
  if (toolsets !== undefined) {
    const { parseToolSelection } = await import('../mcp/tool-registry.ts');
    const selection = parseToolSelection(toolsets);
    if (!selection.ok) throw usageFailure(selection.error, 'It comes from --toolsets.');
    options['--toolsets'] = toolsets;
  }
  for (const name of ['store', 'config']) {
    const path = invocation.text(name);
    // The client starts Baton in a directory of its own choice.
    if (path !== undefined) options[`--${name}`] = resolvePath(path, cwd, home);
  }
  return options;
}

function report(
  { terminal }: Invocation,
  { client, scope, name, wanted, isDryRun }: ConnectRequest,
  { file, changed, backup, entry, diff, notes: found }: Connected,
  given: readonly string[],
): void {
  const notes = [...given, ...found];
  terminal.json({
    client: client.id,
    scope,
    name,
    file,
    changed,
    ...(backup !== undefined && { backup }),
    dry_run: isDryRun,
    ...(entry !== undefined && { entry }),
    diff,
    notes,
  });
  if (changed) terminal.line(`${colouredDiff(diff, terminal)}\n`);
  terminal.line(outcome(changed, isDryRun, wanted === undefined, `"${name}"`, client.title));
  terminal.line(`  ${file}`);
  if (backup !== undefined) terminal.line(`  what was there before: ${backup}`);
  if (!terminal.isJson) for (const note of notes) terminal.note(`note: ${note}`);
  if (changed && !isDryRun)
    terminal.line(`Next: ${wanted === undefined ? `Restart ${client.title}.` : client.next}`);
}

function outcome(
  changed: boolean,
  isDryRun: boolean,
  isRemoval: boolean,
  name: string,
  title: string,
): string {
  if (!changed)
    return isRemoval
      ? `${title} has no server ${name}; nothing to do.`
      : `${title} has the server ${name} already; nothing to do.`;
  const done = isRemoval ? `taken out of ${title}` : `registered in ${title}`;
  return isDryRun ? `${name} would be ${done}; nothing was written.` : `${name} is ${done}.`;
}
