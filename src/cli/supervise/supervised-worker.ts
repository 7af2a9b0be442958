import { fork, type ChildProcess } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DRAIN, type WorkerMessage } from './messages.ts';
import { Silence } from './silence.ts';

const MAIN = fileURLToPath(new URL(`../../main${extname(import.meta.filename)}`, import.meta.url));
const CHECK_EVERY_MS = 200;
/** The one cause that people can take away themselves. */
const BLOCKED_HINT =
  'if a step kind of your own computes without a pause, write cpuBound: true into its defineHandler';

/** How a worker's process came to its end. */
export interface WorkerEnd {
  /** `undefined`: it was killed, or ended by a signal. */
  readonly exitCode: number | undefined;
  /** For people. */
  readonly cause: string;
  /** It had been told that it serves. */
  readonly wasReady: boolean;
  readonly lifeMs: number;
}

export interface SupervisedWorker {
  /** Resolves when the process is gone. */
  readonly ended: Promise<WorkerEnd>;
  drain(): void;
  /** SIGKILL for it and what it started in its process group. Commands of shell steps end by their guards. */
  kill(): void;
}

/**
 * Starts `baton` with these arguments as a worker process of its own group, so that a terminal's Ctrl-C comes to the
 * supervisor alone, and kills it when it is silent for too long.
 */
export function startSupervised(args: readonly string[]): SupervisedWorker {
  const child = fork(MAIN, [...args], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new WatchedProcess(child);
}

class WatchedProcess implements SupervisedWorker {
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;
  readonly #startedAtMs = performance.now();
  readonly #silence = new Silence(performance.now(), CHECK_EVERY_MS);
  readonly #checks: NodeJS.Timeout;
  #name: string;
  #wasReady = false;
  #doneWith: number | undefined;
  #killedFor: string | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#name = `worker process ${child.pid ?? '(not started)'}`;
    this.#checks = setInterval(() => this.#check(), CHECK_EVERY_MS);
    // Everything a worker sends was written by `tell` of the same version.
    child.on('message', (message) => this.#hear(message as WorkerMessage));
    this.ended = new Promise((resolve) => {
      const end = (exitCode: number | undefined, how: string): void => {
        clearInterval(this.#checks);
        resolve(this.#endOf(exitCode, how));
      };
      child.once('error', (error) => end(undefined, `cannot be started: ${error.message}`));
      child.once('exit', (code, signal) =>
        end(code ?? undefined, signal === null ? `ended with ${code}` : `ended by ${signal}`),
      );
    });
  }

  drain(): void {
    this.#silence.draining(performance.now());
    // It may be gone, or about to be: `ended` tells.
    if (this.#child.connected) this.#child.send(DRAIN, () => undefined);
  }

  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // No such group: it is gone, or the system knows no groups.
      this.#child.kill('SIGKILL');
    }
  }

  #hear(message: WorkerMessage): void {
    const nowMs = performance.now();
    this.#silence.beat(nowMs);
    if (message.type === 'ready') {
      this.#wasReady = true;
      this.#name = `worker ${message.workerId}`;
      this.#silence.ready(nowMs, message.silenceLimitMs);
    }
    if (message.type !== 'done') return;
    this.#doneWith = message.exitCode;
    this.#silence.done(nowMs);
  }

  #check(): void {
    if (!this.#silence.isTooLong(performance.now())) return;
    this.#killedFor = this.#wasReady
      ? `gave no sign of life and was killed (${BLOCKED_HINT})`
      : 'was not ready in time and was killed';
    this.kill();
  }

  #endOf(exitCode: number | undefined, how: string): WorkerEnd {
    return {
      // What keeps a process that is done takes nothing from its end.
      exitCode: this.#killedFor === undefined ? exitCode : this.#doneWith,
      cause: `${this.#name} ${this.#killedFor ?? how}`,
      wasReady: this.#wasReady,
      lifeMs: performance.now() - this.#startedAtMs,
    };
  }
}
