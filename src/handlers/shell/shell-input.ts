import { durationMs } from '../../domain/definition/duration.ts';
import type { Json } from '../../domain/json.ts';
import { shellInputSchema } from '../../domain/definition/step-kinds.ts';
import type { Refusal } from './refusal.ts';

export const DEFAULT_GRACE_MS = 5_000;

/** The evaluated `with` of a shell step, defaults applied. */
export interface ShellInput {
  readonly binary: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | undefined;
  readonly parse: 'text' | 'json' | 'lines';
  readonly successCodes: readonly number[];
  readonly graceMs: number;
}

function refuse(problems: readonly string[]): Refusal {
  return { code: 'invalid_input', message: problems.join('; ') };
}

/** A NUL byte would end the text early in the kernel, so that another command ran than the one written. */
function placesWithNul(texts: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(texts)
    .filter(([, text]) => text?.includes('\0'))
    .map(([place]) => `with.${place}: must not contain a NUL byte`);
}

/** The engine has validated the input already; it is parsed again because it crossed the store. */
export function parseShellInput(input: Json): ShellInput | Refusal {
  const parsed = shellInputSchema.safeParse(input);
  if (!parsed.success) {
    return refuse(
      parsed.error.issues.map((issue) => `${['with', ...issue.path].join('.')}: ${issue.message}`),
    );
  }
  const { command, cwd, env = {}, stdin, parse, successCodes, grace } = parsed.data;
  const [binary = '', ...args] = command;
  const withNul = placesWithNul({ ...prefixed('command', command), ...prefixed('env', env), cwd });
  if (withNul.length > 0) return refuse(withNul);
  return {
    binary,
    args,
    cwd,
    env,
    stdin,
    parse: parse ?? 'text',
    successCodes: successCodes ?? [0],
    graceMs: grace === undefined ? DEFAULT_GRACE_MS : durationMs(grace),
  };
}

function prefixed(
  place: string,
  texts: readonly string[] | Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [`${place}.${key}`, text]));
}
