import { userInfo } from 'node:os';
import type { LoadedConfig } from '../config.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** A client that closes standard input waits for the process to end: running steps get no longer than this. */
const GRACE_MS = 1_000;

export const addMcpCommand: AddCommand = (program, action) => {
  program
    .command('mcp')
    .description('serve MCP on standard input and output, for an agent that starts this command')
    .option('--toolsets <list>', 'groups of tools to offer: core, all, or names')
    .option('--read-only', 'hide and refuse every tool that changes something')
    .option('--no-worker', 'run no steps in this process')
    .action(action(serve));
};

/** Standard output belongs to the protocol: nothing here may print. */
async function serve(invocation: Invocation): Promise<ExitCode> {
  const { cli, terminal } = invocation;
  const loaded = await loadMcpConfig(invocation);
  // What the session needs loads while the store is opened.
  const [{ serveMcp }, { parseToolSelection }] = await Promise.all([
    import('../mcp/stdio.ts'),
    import('../mcp/tool-registry.ts'),
  ]);
  const toolsets = parseToolSelection(loaded.config.mcp.toolsets.join(','));
  if (!toolsets.ok)
    throw usageFailure(toolsets.error, `It comes from ${origin(loaded, 'mcp.toolsets')}.`);
  cli.interruption.listen();
  const { signal } = cli.interruption;
  const failure = await invocation.withBaton(
    async ({ application, store, ports, logger, engine }) => {
      const closed = Promise.withResolvers<Error | undefined>();
      signal.addEventListener('abort', () => closed.resolve(undefined), { once: true });
      const service = await serveMcp({
        application,
        logger,
        version: cli.version,
        live: { changes: store, clock: ports.clock },
        toolsets: toolsets.selection,
        readOnly: loaded.config.mcp.readOnly,
        ...(loaded.config.mcp.askUser && {
          askUser: { person: userInfo().username, secret: store.secret },
        }),
        maxWaitSeconds: loaded.config.mcp.maxWaitSeconds,
        onClosed: (reason) => closed.resolve(reason),
      });
      engine?.start();
      engine?.ended.catch(() => closed.resolve(undefined));
      for (const problem of loaded.warnings) logger.warn(problem, 'configuration');
      const reason = await closed.promise;
      await service.close();
      return reason;
    },
    { engine: invocation.isOff('worker') ? 'timers' : 'worker', graceMs: GRACE_MS },
    loaded,
  );
  if (failure === undefined) return EXIT.ok;
  const [reason = ''] = failure.message.split('\n');
  terminal.note(
    `error: baton mcp gave the connection up: ${reason}; runs are kept, start it again`,
  );
  // Paused in the midst of a message it goes on reading, and the process would wait for the client to end it.
  process.stdin.destroy();
  return EXIT.unexpected;
}

function loadMcpConfig(invocation: Invocation): Promise<LoadedConfig> {
  const toolsets = invocation.text('toolsets');
  return invocation.loadConfig({
    'mcp.toolsets': toolsets === undefined ? undefined : { option: '--toolsets', value: toolsets },
    'mcp.readOnly': invocation.flag('readOnly')
      ? { option: '--read-only', value: true }
      : undefined,
  });
}

function origin({ origins }: LoadedConfig, key: string): string {
  return origins.get(key) ?? 'default';
}
