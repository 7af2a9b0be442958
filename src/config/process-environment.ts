import { homedir } from 'node:os';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a process is started with. Read once, here, and passed on: nothing else reads process.env. */
export interface ProcessSurroundings {
  readonly cwd: string;
  readonly home: string;
  readonly environment: Environment;
}

export function readSurroundings(): ProcessSurroundings {
  return { cwd: process.cwd(), home: homedir(), environment: { ...process.env } };
}
