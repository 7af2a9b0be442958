import type { Json } from '../../domain/json.ts';
import type { StepContext } from '../../ports/step-handler.ts';
import type { Refusal } from './refusal.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every command may see of the worker's environment; nothing here carries credentials. */
const BASIC_NAMES = new Set([
  'PATH',
  'HOME',
  'LANG',
  'TMPDIR',
  'TERM',
  'TZ',
  'USER',
  'LOGNAME',
  'SHELL',
]);

const VALID_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Names a step may not set: they would change the guard itself (loader and shell options), or forge what Baton tells
 * the command. This protects the guard; it is no sandbox for what an allowed binary does with its own variables.
 */
const RESERVED_NAME = /^(?:BATON_|LD_|DYLD_|BASH_)|^(?:ENV|SHELLOPTS|BASHOPTS|PS4|IFS)$/;

/**
 * Names by which a step could put other code in the place of an allowed program: PATH chooses the interpreter behind
 * `#!/usr/bin/env`, the others load code into common interpreters or name programs that git starts. The well-known
 * ones; other programs may have more. The configuration passes them on by "shell.env".
 */
const CODE_CHOOSING_NAMES = new Set([
  'PATH',
  'NODE_OPTIONS',
  'NODE_PATH',
  'PYTHONPATH',
  'PYTHONHOME',
  'PERL5OPT',
  'PERL5LIB',
  'RUBYOPT',
  'RUBYLIB',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  '_JAVA_OPTIONS',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_EXEC_PATH',
]);

/** Linux takes no variable over 128 KiB (E2BIG), and a heartbeat of 65,536 characters may have 192 KiB. */
const MAX_HEARTBEAT_VARIABLE_BYTES = 100_000;

/** The worker's environment reduced to the basics, the locale and the configured names. */
export function scrubEnvironment(
  environment: Environment,
  passThrough: readonly string[],
): Record<string, string> {
  const allowed = new Set(passThrough);
  const scrubbed: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    const passes = BASIC_NAMES.has(name) || name.startsWith('LC_') || allowed.has(name);
    if (passes && value !== undefined) scrubbed[name] = value;
  }
  return scrubbed;
}

export function refuseEnvironment(stepEnvironment: Environment): Refusal | undefined {
  const refused = Object.keys(stepEnvironment).filter(
    (name) => !VALID_NAME.test(name) || RESERVED_NAME.test(name) || CODE_CHOOSING_NAMES.has(name),
  );
  if (refused.length === 0) return undefined;
  return {
    code: 'env_not_allowed',
    message: `a step may not set ${refused.map((name) => JSON.stringify(name)).join(', ')}: names are letters, digits and underscores, and BATON_*, LD_*, DYLD_*, BASH_*, ENV, IFS, PS4 and shell options are reserved, as are PATH, NODE_OPTIONS and others that choose the code an allowed program runs (the worker's own are passed on by "shell.env")`,
  };
}

/**
 * What Baton tells the command about its own attempt. BATON_HEARTBEAT is left out where there is none, and where it is
 * over 100,000 bytes: the command then begins anew instead of not starting at all.
 */
export function attemptEnvironment(context: StepContext): Record<string, string> {
  return {
    BATON_RUN_ID: context.runId,
    BATON_STEP: context.step,
    BATON_ATTEMPT: String(context.attempt),
    BATON_IDEMPOTENCY_KEY: context.idempotencyKey,
    ...heartbeatVariable(context.lastHeartbeat),
  };
}

function heartbeatVariable(lastHeartbeat: Json | undefined): Record<string, string> {
  if (lastHeartbeat === undefined) return {};
  const text = JSON.stringify(lastHeartbeat);
  return Buffer.byteLength(text) > MAX_HEARTBEAT_VARIABLE_BYTES ? {} : { BATON_HEARTBEAT: text };
}
