import { homedir } from 'node:os';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a process is started with. Read once, here, and passed on: nothing else reads process.env. */
export interface ProcessSurroundings {
  readonly cwd: string;
  readonly home: string;
  readonly environment: Environment;
  /** A person's key, by which `baton approve` knows who answers. No configuration, and not in `environment`. */
  readonly operatorKey?: string | undefined;
}

/** Takes the operator key out of the process's environment: no step, handler or program started from here inherits it. */
export function readSurroundings(): ProcessSurroundings {
  const operatorKey = process.env.BATON_OPERATOR_KEY;
  delete process.env.BATON_OPERATOR_KEY;
  return { cwd: process.cwd(), home: homedir(), environment: { ...process.env }, operatorKey };
}
