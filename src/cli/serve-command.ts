import { userInfo } from 'node:os';
import { createAuthenticate } from '../application/access/authenticate.ts';
import type { Baton } from '../composition.ts';
import type { LoadedConfig, OptionValue } from '../config.ts';
import { shownStore } from '../config/store-place.ts';
import type { HttpService } from '../http/serve-endpoints.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { listenFailure } from './listen-failure.ts';
import { readServerKey } from './server-key.ts';

export const addServeCommand: AddCommand = (program, action) => {
  program
    .command('serve')
    .description('serve MCP and REST over HTTP, and run steps, until interrupted (twice: at once)')
    .option('--host <address>', 'to listen on (default: 127.0.0.1); beyond loopback only with keys')
    .option('--port <number>', 'to listen on (default: 7420; 0: any that is free)')
    .option('--toolsets <list>', 'groups of tools to offer: core, all, or names')
    .option('--read-only', 'hide and refuse every tool that changes something')
    .option('--no-worker', 'run no steps in this process')
    .action(action(serve));
};

async function serve(invocation: Invocation): Promise<ExitCode> {
  const loaded = await loadServeConfig(invocation);
  const fileKey = readServerKey(loaded);
  const { checkAccess, checkStoreFile } = await import('./server-access.ts');
  checkStoreFile(loaded, fileKey);
  invocation.cli.interruption.listen();
  const { graceMs } = loaded.config.http;
  return invocation.withBaton(
    async (baton) => {
      const notes = await checkAccess(loaded, baton, fileKey);
      const service = await open(invocation, loaded, baton, fileKey);
      try {
        baton.engine?.start();
        await announce(invocation, loaded, baton, service);
        for (const note of notes) invocation.terminal.note(note);
        await untilEnd(invocation, baton);
        invocation.terminal.line(`stopping: what is under way gets ${graceMs / 1_000} s`);
      } finally {
        // Both at once: while requests are answered, running steps end.
        await Promise.all([service.close({ graceMs }), baton.engine?.stop({ graceMs })]);
      }
      return EXIT.ok;
    },
    { engine: invocation.isOff('worker') ? 'timers' : 'worker', graceMs },
    loaded,
  );
}

function loadServeConfig(invocation: Invocation): Promise<LoadedConfig> {
  const given = (name: string): OptionValue | undefined => {
    const value = invocation.text(name);
    return value === undefined ? undefined : { option: `--${name}`, value };
  };
  return invocation.loadConfig({
    'http.host': given('host'),
    'http.port': given('port'),
    'mcp.toolsets': given('toolsets'),
    'mcp.readOnly': invocation.flag('readOnly')
      ? { option: '--read-only', value: true }
      : undefined,
  });
}

async function open(
  { cli }: Invocation,
  loaded: LoadedConfig,
  { application, ports, store, logger, counts }: Baton,
  fileKey: string | undefined,
): Promise<HttpService> {
  const { mcp, http } = loaded.config;
  const [{ serveHttp }, { ListenError }, { withFileKey }, { parseToolSelection }] =
    await Promise.all([
      import('../http/serve-http.ts'),
      import('../http/listen.ts'),
      import('../http/file-key.ts'),
      import('../mcp/tool-registry.ts'),
    ]);
  const toolsets = parseToolSelection(mcp.toolsets.join(','));
  if (!toolsets.ok)
    throw usageFailure(toolsets.error, `It comes from ${originOf(loaded, 'mcp.toolsets')}.`);
  const askStore = createAuthenticate(ports);
  const authenticate = (key: string) => askStore({ key });
  try {
    return await serveHttp({
      ...{ application, store, logger, counts, settings: http, version: cli.version },
      ...{ clock: ports.clock, ids: ports.ids },
      authenticate: fileKey === undefined ? authenticate : withFileKey(authenticate, fileKey),
      toolsets: toolsets.selection,
      readOnly: mcp.readOnly,
      ...(mcp.askUser && { askUser: { person: userInfo().username, secret: store.secret } }),
      maxWaitSeconds: mcp.maxWaitSeconds,
    });
  } catch (error) {
    throw error instanceof ListenError ? listenFailure(loaded, error) : error;
  }
}

async function announce(
  invocation: Invocation,
  { config, warnings }: LoadedConfig,
  baton: Baton,
  { url }: HttpService,
): Promise<void> {
  const { terminal } = invocation;
  const { queues, engine, store, logger } = baton;
  const { isKeyRequired } = await import('../http/serve-endpoints.ts');
  const shown = shownStore(config.store);
  const auth = isKeyRequired(config.http) ? 'key' : 'none';
  const places = { url, mcp: `${url}/mcp`, rest: `${url}/api/v1` };
  terminal.json({ ...places, pid: process.pid, auth, queues, store: shown });
  terminal.line(`baton serve listens on ${places.mcp}`);
  terminal.line(`REST: ${places.rest}; metrics: ${url}/metrics`);
  terminal.line(`store: ${shown}; worker: ${queues.join(', ') || 'none'}`);
  if (engine !== undefined && queues.length === 0)
    terminal.note(
      `No step runs in this process: ${whyIdle(invocation)}. Timers and retries are served.`,
    );
  const { warnings: ofStore = [] } = await store.describe();
  for (const warning of ofStore) terminal.note(`The store: ${warning}.`);
  for (const problem of warnings) logger.warn(problem, 'configuration');
}

function whyIdle(invocation: Invocation): string {
  return invocation.isOff('worker')
    ? '--no-worker was given'
    : 'the settings shell.allow (BATON_SHELL_ALLOW) and handlers (BATON_HANDLERS) are empty';
}

/** Rejects when the engine ended in a defect: the process is of no more use then. */
async function untilEnd({ cli }: Invocation, { engine }: Baton): Promise<void> {
  const { signal } = cli.interruption;
  const ended = Promise.withResolvers<undefined>();
  if (signal.aborted) ended.resolve(undefined);
  signal.addEventListener('abort', () => ended.resolve(undefined), { once: true });
  await Promise.race([ended.promise, ...(engine ? [engine.ended] : [])]);
}

function originOf({ origins }: LoadedConfig, key: string): string {
  return origins.get(key) ?? 'default';
}
