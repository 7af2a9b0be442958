import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Interruption } from '../interruption.ts';
import { DRAIN, type WorkerMessage } from './messages.ts';
import { DRAIN_LIMIT_MS } from './silence.ts';

const MAX_BEAT_EVERY_MS = 1_000;
/** What ends by itself is given the time to. */
const ORPHAN_MARGIN_MS = 5_000;
/** So that a beat may be late, or lost to a busy machine, without harm. */
const BEATS_PER_LIMIT = 8;

/** The worker's side of the supervision. */
export interface WorkerReports {
  /** From now on beats are sent, as long as the event loop turns and `isStalled` says no. */
  ready(worker: {
    readonly workerId: string;
    readonly silenceLimitMs: number;
    readonly isStalled: () => boolean;
  }): void;
  done(exitCode: ExitCode): void;
}

/**
 * Drains when the supervisor asks for it, and when the supervisor is gone: a worker that nobody watches, and that nobody
 * would stop, ends in good order, or at once when that takes longer than `drainLimitMs`, also while its event loop is
 * blocked. A signal of its own drains as well and, unlike in a worker on its own, does not end it
 * at once when it comes twice: service managers send one to every process of a service.
 */
export function reportToSupervisor(
  interruption: Interruption,
  drainLimitMs = DRAIN_LIMIT_MS,
): WorkerReports {
  const drain = (): void => interruption.abort();
  interruption.listen(drain);
  process.on('message', (message) => {
    if (message === DRAIN) drain();
  });
  process.once('disconnect', () => {
    drain();
    setTimeout(() => process.exit(EXIT.unexpected), drainLimitMs).unref();
  });
  watchForOrphaning(drainLimitMs + ORPHAN_MARGIN_MS);
  // Whoever has nothing left to do may end, though a supervisor listens.
  process.channel?.unref();
  let beats: NodeJS.Timeout | undefined;
  return {
    ready: ({ workerId, silenceLimitMs, isStalled }) => {
      tell({ type: 'ready', workerId, silenceLimitMs });
      const everyMs = Math.min(MAX_BEAT_EVERY_MS, silenceLimitMs / BEATS_PER_LIMIT);
      beats = setInterval(() => {
        if (!isStalled()) tell({ type: 'beat' });
      }, everyMs).unref();
    },
    done: (exitCode) => {
      clearInterval(beats);
      tell({ type: 'done', exitCode });
    },
  };
}

/** From a thread: the timer above needs an event loop that turns. */
function watchForOrphaning(limitMs: number): void {
  const file = new URL(`orphan-watch${extname(import.meta.filename)}`, import.meta.url);
  new Worker(file, { workerData: { parentPid: process.ppid, limitMs } }).unref();
}

function tell(message: WorkerMessage): void {
  // A supervisor that is gone is noticed by `disconnect`: a failure to write to it is nothing more.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
