import { Command, CommanderError, Option } from 'commander';
import { Invocation, type Action, type AddCommand, type Cli } from './cli.ts';
import { EXIT, EXIT_MEANINGS, type ExitCode } from './exit-codes.ts';
import { refuseKeysIn } from './mask-keys.ts';
import { reportError } from './report-error.ts';

/** Loaded only when the command is named: each brings what it alone needs. In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  mcp: async () => (await import('./mcp-command.ts')).addMcpCommand,
  serve: async () => (await import('./serve-command.ts')).addServeCommand,
  worker: async () => (await import('./worker-command.ts')).addWorkerCommand,
  run: async () => (await import('./run-command.ts')).addRunCommand,
  list: async () => (await import('./list-command.ts')).addListCommand,
  show: async () => (await import('./show-command.ts')).addShowCommand,
  watch: async () => (await import('./watch-command.ts')).addWatchCommand,
  explain: async () => (await import('./explain-command.ts')).addExplainCommand,
  history: async () => (await import('./history-command.ts')).addHistoryCommand,
  signal: async () => (await import('./signal-command.ts')).addSignalCommand,
  events: async () => (await import('./events-command.ts')).addEventsCommand,
  publish: async () => (await import('./publish-command.ts')).addPublishCommand,
  inbox: async () => (await import('./inbox-command.ts')).addInboxCommand,
  approve: async () => (await import('./approve-command.ts')).addApproveCommand,
  reject: async () => (await import('./reject-command.ts')).addRejectCommand,
  report: async () => (await import('./report-command.ts')).addReportCommand,
  cancel: async () => (await import('./cancel-command.ts')).addCancelCommand,
  pause: async () => (await import('./pause-command.ts')).addPauseCommand,
  resume: async () => (await import('./resume-command.ts')).addResumeCommand,
  checkpoint: async () => (await import('./checkpoint-command.ts')).addCheckpointCommand,
  checkpoints: async () => (await import('./checkpoints-command.ts')).addCheckpointsCommand,
  register: async () => (await import('./register-command.ts')).addRegisterCommand,
  agents: async () => (await import('./agents-command.ts')).addAgentsCommand,
  keys: async () => (await import('./keys-command.ts')).addKeysCommand,
  config: async () => (await import('./config-command.ts')).addConfigCommand,
  connect: async () => (await import('./connect-command.ts')).addConnectCommand,
  top: async () => (await import('./top-command.ts')).addTopCommand,
  doctor: async () => (await import('./doctor-command.ts')).addDoctorCommand,
  reindex: async () => (await import('./reindex-command.ts')).addReindexCommand,
};

/** Runs one command line and answers its exit code. Never throws. */
export async function runProgram(argv: readonly string[], cli: Cli): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const action: Action =
    (body) =>
    async (...received) => {
      const command = received.at(-1);
      if (!(command instanceof Command)) throw new Error('commander passes the command last');
      exitCode = await body(new Invocation(cli, command));
    };
  try {
    refuseKeysIn(argv);
    const program = createProgram(cli.version);
    for (const add of await loadCommands(argv)) add(program, action);
    for (const command of program.commands) addGlobalOptions(command);
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    return reportError(error, argv.includes('--json'));
  }
}

/** Those that the arguments might name; all of them where none is named, for the help and for suggestions. */
async function loadCommands(argv: readonly string[]): Promise<AddCommand[]> {
  const named = Object.keys(COMMANDS).filter((name) => argv.includes(name));
  const wanted = named.length === 0 ? Object.keys(COMMANDS) : named;
  return Promise.all(wanted.flatMap((name) => COMMANDS[name]?.() ?? []));
}

function createProgram(version: string): Command {
  const program = new Command('baton')
    .description('Durable workflows for coding agents: start, watch, steer and repair them.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => undefined, writeOut: writeHelp })
    .showSuggestionAfterError()
    .addHelpText('after', `\n${exitCodeHelp()}`);
  return addGlobalOptions(program);
}

/** Help and version. Who reads only the beginning (`| head`) is no error. */
function writeHelp(text: string): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
  });
  process.stdout.write(text);
}

/** Valid before and after the command's name. */
function addGlobalOptions(command: Command): Command {
  return command
    .addOption(new Option('--json', 'JSON on standard output, and nothing else there'))
    .addOption(new Option('--store <path>', 'database file, or URL of a Redis server'))
    .addOption(new Option('--config <file>', "read instead of the project's and the user's file"))
    .addOption(new Option('--no-color', 'plain text'));
}

function exitCodeHelp(): string {
  const lines = Object.entries(EXIT_MEANINGS).map(
    ([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`,
  );
  return ['Exit codes:', ...lines, '', 'RUN is a run id, or its first letters (4 or more).'].join(
    '\n',
  );
}
