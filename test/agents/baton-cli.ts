import { join } from 'node:path';
import { runChild, startChild, type Child } from './child-process.ts';
import type { Workplace } from './workplace.ts';

/** The built program: what the clients register, and what looks at the store afterwards. */
export const BATON_MAIN = join(import.meta.dirname, '../../dist/src/main.js');

const TIMEOUT_MS = 30_000;

/** The `baton` command line of one workplace. */
export interface BatonCli {
  /** Standard output; throws when the command fails. */
  run(...args: readonly string[]): Promise<string>;
  /** One JSON document a line. */
  json(...args: readonly string[]): Promise<unknown[]>;
}

export function createBatonCli(main: string, { project, env }: Workplace): BatonCli {
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await runChild(process.execPath, [main, ...args], {
      cwd: project,
      env,
      timeoutMs: TIMEOUT_MS,
    });
    if (code === 0) return stdout;
    throw new Error(`baton ${args.join(' ')} ended with ${String(code)}: ${stderr || stdout}`);
  };
  return {
    run,
    json: async (...args) =>
      (await run(...args, '--json'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line): unknown => JSON.parse(line)),
  };
}

/** A command that goes on until it is ended. */
export function startBaton(
  main: string,
  { project, env }: Workplace,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Child {
  return startChild(process.execPath, [main, ...args], {
    cwd: project,
    env: { ...env, ...environment },
  });
}
