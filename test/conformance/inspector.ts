import { z } from 'zod';
import { runChild } from '../agents/child-process.ts';
import { INSPECTOR_MAIN } from './suites.ts';

export const ERAS = ['legacy', 'modern'] as const;
export type Era = (typeof ERAS)[number];

/** A server as the Inspector's command line is told of it, and where it keeps what it writes itself. */
export interface InspectorTarget {
  readonly era: Era;
  /** Options that name the server: a URL, or variables of its environment. */
  readonly options: readonly string[];
  /** The server's own command line; empty for a URL. */
  readonly command: readonly string[];
  readonly home: string;
}

const TIMEOUT_MS = 60_000;

const answerSchema = z.object({ result: z.record(z.string(), z.unknown()) });

/** Asks once, by a connection of its own, and answers the result. Throws with what the Inspector said. */
export async function inspect(
  { era, options, command, home }: InspectorTarget,
  asked: readonly string[],
): Promise<Record<string, unknown>> {
  const server = command.length > 0 ? ['--', ...command] : [];
  const args = ['--cli', '--format', 'json', '--protocol-era', era, ...asked, ...options];
  const { code, stdout, stderr } = await runChild(
    process.execPath,
    [INSPECTOR_MAIN, ...args, ...server],
    // Its catalogue and sign-ons lie below the home directory: never this user's.
    { cwd: home, env: { PATH: process.env['PATH'], HOME: home }, timeoutMs: TIMEOUT_MS },
  );
  if (code !== 0)
    throw new Error(`ended with ${String(code)}: ${(stderr || stdout).slice(-1_500)}`);
  return answerSchema.parse(JSON.parse(stdout)).result;
}
