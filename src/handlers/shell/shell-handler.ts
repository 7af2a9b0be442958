import type { StepContext, StepHandler, StepOutcome } from '../../ports/step-handler.ts';
import { createBoundedOutput } from './bounded-output.ts';
import type { Environment } from './child-environment.ts';
import { attemptEnvironment, refuseEnvironment, scrubEnvironment } from './child-environment.ts';
import type { GuardedCommand } from './guarded-command.ts';
import { runGuarded } from './guarded-command.ts';
import { createHeartbeatFilter } from './heartbeat-filter.ts';
import type { Refusal } from './refusal.ts';
import { checkAllowList, resolveBinary } from './resolve-binary.ts';
import { resolveDirectory } from './resolve-directory.ts';
import type { ShellInput } from './shell-input.ts';
import { parseShellInput } from './shell-input.ts';
import { refused, toOutcome } from './shell-outcome.ts';

export const DEFAULT_OUTPUT_LIMIT_BYTES = 65_536;

export interface ShellHandlerConfig {
  /** Names found on the worker's PATH, or absolute paths. Empty: no command runs. */
  readonly allow: readonly string[];
  /** Directories besides the workspace that a command may start in. */
  readonly roots: readonly string[];
  /** Names of the worker's environment variables that commands see besides the basics. */
  readonly env: readonly string[];
  /** Kept of each stream, its beginning and its end. Default 64 KiB. */
  readonly outputLimitBytes?: number;
  /** The worker's environment: passed in, never read here. */
  readonly environment: Environment;
  /** Default: the platform this process runs on. */
  readonly platform?: NodeJS.Platform;
}

interface Prepared {
  readonly input: ShellInput;
  readonly file: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const UNSUPPORTED: Refusal = {
  code: 'unsupported_platform',
  message:
    'shell steps need process groups and a POSIX shell; on Windows run the worker inside WSL',
};

async function prepare(
  config: ShellHandlerConfig,
  context: StepContext,
): Promise<Prepared | Refusal> {
  const input = parseShellInput(context.input);
  if ('code' in input) return input;
  const refusedEnvironment = refuseEnvironment(input.env);
  if (refusedEnvironment !== undefined) return refusedEnvironment;
  const scrubbed = scrubEnvironment(config.environment, config.env);
  const file = await resolveBinary(input.binary, config.allow, scrubbed.PATH ?? '');
  if (typeof file !== 'string') return file;
  const cwd = await resolveDirectory(context.workspace, config.roots, input.cwd);
  if (typeof cwd !== 'string') return cwd;
  return { input, file, cwd, env: { ...scrubbed, ...input.env, ...attemptEnvironment(context) } };
}

async function execute(
  prepared: Prepared,
  context: StepContext,
  outputLimitBytes: number,
): Promise<StepOutcome> {
  const { input } = prepared;
  const stdout = createBoundedOutput(outputLimitBytes);
  const stderr = createBoundedOutput(outputLimitBytes);
  const filter = createHeartbeatFilter(
    (payload) => context.heartbeat(payload),
    (chunk) => stdout.write(chunk),
  );
  const command: GuardedCommand = {
    file: prepared.file,
    args: input.args,
    cwd: prepared.cwd,
    env: prepared.env,
    ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
    graceMs: input.graceMs,
    signal: context.signal,
    onStdout: (chunk) => filter.write(chunk),
    onStderr: (chunk) => stderr.write(chunk),
  };
  const startedAtMs = performance.now();
  const end = await runGuarded(command);
  const durationMs = Math.round(performance.now() - startedAtMs);
  filter.end();
  return toOutcome({ end, stdout: stdout.read(), stderr: stderr.read(), durationMs }, input);
}

/**
 * Runs the commands of `shell` steps: argv only, allowed binaries only, in a directory inside the workspace, with a
 * scrubbed environment, under a guard that ends the whole process group with the step, and with the worker, even
 * when that is killed. An attempt answers only after its processes are gone. Exit code, signal, abort and every
 * refusal come back as an outcome; it never throws. If the worker dies midway nothing is reported: the lease expires
 * and the step runs again, with the same BATON_IDEMPOTENCY_KEY. Throws at once on a malformed allow list.
 */
export function createShellHandler(config: ShellHandlerConfig): StepHandler {
  checkAllowList(config.allow);
  const outputLimitBytes = config.outputLimitBytes ?? DEFAULT_OUTPUT_LIMIT_BYTES;
  const platform = config.platform ?? process.platform;
  return {
    kind: 'shell',
    queues: [...new Set(config.allow)].map((name) => `shell:${name}`),
    async run(context) {
      if (platform === 'win32') return refused(UNSUPPORTED);
      const prepared = await prepare(config, context);
      return 'code' in prepared ? refused(prepared) : execute(prepared, context, outputLimitBytes);
    },
  };
}
