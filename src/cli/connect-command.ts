import { describeProblem } from '../config/config-error.ts';
import { resolvePath } from '../config/config-layer.ts';
import { unknownVariables } from '../config/environment-layer.ts';
import { isStoreUrl, shownStore } from '../config/store-place.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { batonCommand } from './connect/baton-command.ts';
import { CLIENTS, findClient } from './connect/clients.ts';
import { connect, type ConnectRequest } from './connect/connect.ts';
import type { Surroundings } from './connect/connect-client.ts';
import { DEFAULT_NAME } from './connect/ownership.ts';
import { reportConnected, type Given } from './connect/report-connected.ts';
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
      repeated,
    )
    .option('--toolsets <list>', 'groups of tools to offer: core, all, or names')
    .option(
      '--http <url>',
      'an MCP server that answers there already (such as baton serve), instead of a process of the client',
    )
    .option(
      '--header <NAME=VALUE>',
      'for --http, sent with every request; may be repeated',
      repeated,
    )
    .option('--dry-run', 'show the difference, write nothing')
    .option(
      '--remove',
      'take the server out; of another name than baton and over HTTP: with --http URL',
    )
    .action(action(run));
};

function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

async function run(invocation: Invocation): Promise<ExitCode> {
  const surroundings = { ...invocation.cli.surroundings, platform: process.platform };
  const client = findClient(invocation.args[0] ?? '');
  const name = readName(invocation);
  const given = invocation.flag('remove')
    ? refuseOptionsOfRemoval(invocation)
    : await readWanted(invocation, surroundings, name);
  const request: ConnectRequest = {
    client,
    scope: invocation.flag('project') ? 'project' : 'user',
    name,
    wanted: given.wanted,
    removedUrl: given.wanted === undefined ? invocation.text('http') : undefined,
    surroundings,
    isDryRun: invocation.flag('dryRun'),
    now: new Date(),
  };
  reportConnected(invocation.terminal, request, await connect(request), given);
  return EXIT.ok;
}

function readName(invocation: Invocation): string {
  const name = invocation.text('name') ?? DEFAULT_NAME;
  if (NAME.test(name)) return name;
  throw usageFailure(
    `--name "${name}" is no name that every client takes`,
    'Give letters, digits, "-" and "_", beginning with a letter or digit, 50 at most.',
  );
}

function refuseOptionsOfRemoval(invocation: Invocation): Given {
  const options = ['env', 'toolsets', 'header'].filter(
    (option) => invocation.text(option) !== undefined || invocation.texts(option).length > 0,
  );
  if (options.length > 0)
    throw usageFailure(
      `--remove takes the whole server out: --${options.join(', --')} would say nothing there`,
      'Leave them out, or leave --remove out to change the server.',
    );
  return { wanted: undefined, notes: [] };
}

async function readWanted(
  invocation: Invocation,
  surroundings: Surroundings,
  name: string,
): Promise<Given> {
  const url = invocation.text('http');
  if (url !== undefined) {
    const { readHttpServer } = await import('./connect/http-options.ts');
    return readHttpServer(invocation, url, name);
  }
  if (invocation.texts('header').length > 0)
    throw usageFailure(
      '--header is for a server over HTTP, and --http is not given',
      'Give --http too; a process that the client starts gets --env.',
    );
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

/** A password does not belong into a client's file, nor on a command line that others can see. */
function withoutPassword(url: string): string {
  if (shownStore(url) === url) return url;
  throw usageFailure(
    '--store: a URL with a password is not written into the configuration of a client',
    "Put it into Baton's own configuration (store: in the user's config.yaml) and leave --store out.",
  );
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
    if (path !== undefined)
      options[`--${name}`] = isStoreUrl(path)
        ? withoutPassword(path)
        : resolvePath(path, cwd, home);
  }
  return options;
}
