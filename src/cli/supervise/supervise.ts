import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Interruption } from '../interruption.ts';
import { RestartPauses } from './restart-pauses.ts';
import { startSupervised, type SupervisedWorker, type WorkerEnd } from './supervised-worker.ts';

export interface Supervision {
  readonly processes: number;
  /** The command line of one worker. */
  readonly args: readonly string[];
  readonly interruption: Interruption;
  /** For people, on standard error. */
  readonly note: (text: string) => void;
}

/**
 * Keeps worker processes alive until interrupted: one that dies, or gives no sign of life for longer than its limit, is
 * killed and replaced; its steps are taken over when their leases end. A worker that ends in good order is not replaced.
 * One that cannot start at all ends everything with its own exit code, which says why; later only a configuration that
 * has become unusable does, and everything else is tried again, after pauses of up to 30 s. If the supervisor dies, its
 * workers drain and end.
 */
export function supervise(supervision: Supervision): Promise<ExitCode> {
  return new Supervisor(supervision).run();
}

class Supervisor {
  readonly #supervision: Supervision;
  readonly #workers = new Set<SupervisedWorker>();

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  async run(): Promise<ExitCode> {
    const { interruption, processes } = this.#supervision;
    interruption.listen(() => {
      for (const worker of this.#workers) worker.kill();
      process.exit(EXIT.interrupted);
    });
    interruption.signal.addEventListener('abort', () => {
      for (const worker of this.#workers) worker.drain();
    });
    const codes = await Promise.all(Array.from({ length: processes }, () => this.#keep()));
    return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  }

  /** One worker after the other. */
  async #keep(): Promise<ExitCode> {
    const { interruption, note } = this.#supervision;
    const { signal } = interruption;
    const pauses = new RestartPauses();
    const isStopping = (): boolean => signal.aborted;
    for (let isFirst = true; !isStopping(); isFirst = false) {
      const end = await this.#runOne();
      if (end.exitCode === EXIT.ok) return EXIT.ok;
      if (isStopping()) return this.#give(end);
      if (!end.wasReady && (isFirst || end.exitCode === EXIT.usage)) {
        // The others could not start either, or would not start again.
        interruption.abort();
        return this.#give(end);
      }
      const pauseMs = pauses.afterLife(end.lifeMs);
      const when = pauseMs === 0 ? 'now' : `in ${pauseMs / 1_000} s`;
      note(`${end.cause}; another is started ${when}`);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined); // interrupted
    }
    return EXIT.ok;
  }

  async #runOne(): Promise<WorkerEnd> {
    const worker = startSupervised(this.#supervision.args);
    this.#workers.add(worker);
    const end = await worker.ended;
    this.#workers.delete(worker);
    return end;
  }

  /** An exit code comes with a worker's own words on standard error; anything else is told here. */
  #give({ exitCode, cause }: WorkerEnd): ExitCode {
    if (exitCode === undefined) this.#supervision.note(cause);
    return (exitCode ?? EXIT.unexpected) as ExitCode; // of the same program
  }
}
