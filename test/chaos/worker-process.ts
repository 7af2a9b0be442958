import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Launch } from './launch.ts';

/** `baton worker`, ready. */
export interface WorkerProcess {
  readonly pid: number;
  /** Another process, its child, does the work. */
  readonly isSupervisor: boolean;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const START_LIMIT_MS = 20_000;

/** Rejects when it ends, or says nothing for too long, before its first line. */
export async function startWorker(
  launch: Launch,
  options: readonly string[] = [],
): Promise<WorkerProcess> {
  const child = spawn(launch.command, [...launch.args, 'worker', '--json', ...options], {
    cwd: launch.folder,
    env: launch.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(launch.errorLog, { flags: 'a' }));
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'gone')),
  );
  const lines = createInterface({ input: child.stdout });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${launch.command} cannot be started`);
  const firstLine = once(lines, 'line', { signal: AbortSignal.timeout(START_LIMIT_MS) });
  const early = ended.then((end) => {
    throw new Error(`a worker ended (${end}) before it was ready; see ${launch.errorLog}`);
  });
  try {
    const [line] = (await Promise.race([firstLine, early])) as [string]; // of a reader of lines
    lines.on('line', () => undefined);
    const { worker_id } = JSON.parse(line) as { worker_id: string }; // as serve-worker prints it
    return { pid, isSupervisor: !worker_id.includes(`-${pid}-`), ended };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    early.catch(() => undefined);
    firstLine.catch(() => undefined);
  }
}
