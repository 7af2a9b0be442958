import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** How a process of the program under test is started. */
export interface Launch {
  readonly command: string;
  /** Up to Baton's own command. */
  readonly args: readonly string[];
  readonly environment: Record<string, string>;
  /** Working directory and workspace. */
  readonly folder: string;
  /** Standard error goes here. */
  readonly errorLog: string;
}

export interface LaunchPlace {
  /** A copy of the built program (`program-copy.ts`). */
  readonly program: string;
  readonly folder: string;
  /** For the setting `store`. */
  readonly store: string;
  readonly leaseMs: number;
  /** For stores in a file: where a trap of this process would lie. */
  readonly trapFile: string | undefined;
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'sqlite-trap.ts')).href;

export function launchOf(role: string, place: LaunchPlace): Launch {
  const { program, folder, trapFile } = place;
  return {
    command: process.execPath,
    args: [join(program, 'dist/src/main.js')],
    folder,
    errorLog: join(folder, `${role}.stderr`),
    environment: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      BATON_STORE: place.store,
      BATON_LOG_FILE: join(folder, `${role}.log`),
      BATON_WORKSPACE: folder,
      BATON_SHELL_ALLOW: 'sh',
      BATON_HANDLERS: join(program, 'effect-handler.ts'),
      BATON_WORKER_LEASE_DURATION_MS: String(place.leaseMs),
      BATON_WORKER_CONCURRENCY: '4',
      // By the environment, so that a child that a supervisor starts has it too.
      ...(trapFile !== undefined && {
        CHAOS_TRAP: trapFile,
        NODE_OPTIONS: `--import=${PRELOAD}`,
      }),
    },
  };
}
