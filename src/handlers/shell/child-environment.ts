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
 * Names a step may not set: they would change the guard itself (loader and shell options) or forge what Baton tells
 * the command. This protects the guard; it is no sandbox for what an allowed binary does with its own variables.
 */
const RESERVED_NAME = /^(?:BATON_|LD_|DYLD_|BASH_)|^(?:ENV|SHELLOPTS|BASHOPTS|PS4|IFS)$/;

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
    (name) => !VALID_NAME.test(name) || RESERVED_NAME.test(name),
  );
  if (refused.length === 0) return undefined;
  return {
    code: 'env_not_allowed',
    message: `a step may not set ${refused.map((name) => JSON.stringify(name)).join(', ')}: names are letters, digits and underscores, and BATON_*, LD_*, DYLD_*, BASH_*, ENV, IFS, PS4 and shell options are reserved`,
  };
}

/** What Baton tells the command about its own attempt. */
export function attemptEnvironment(context: StepContext): Record<string, string> {
  return {
    BATON_RUN_ID: context.runId,
    BATON_STEP: context.step,
    BATON_ATTEMPT: String(context.attempt),
    BATON_IDEMPOTENCY_KEY: context.idempotencyKey,
    ...(context.lastHeartbeat === undefined
      ? {}
      : { BATON_HEARTBEAT: JSON.stringify(context.lastHeartbeat) }),
  };
}
