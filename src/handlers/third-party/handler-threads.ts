import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { Json } from '../../domain/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StepContext, StepOutcome } from '../../ports/step-handler.ts';
import { unlessGivenUp } from './give-up.ts';
import { SlotLine } from './slot-line.ts';
import type { StopMessage, ThreadMessage, ThreadTask } from './thread-messages.ts';

/** Until the code of a thread that was given an attempt runs; a machine without memory may never get there. */
const START_LIMIT_MS = 30_000;

export interface HandlerThreadsOptions {
  /** File that threads run: its default export takes a ThreadTask. */
  readonly entry: string;
  readonly threads: number;
  /** JavaScript heap of each thread, in MiB; what buffers hold is not counted. */
  readonly memoryMb: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Runs attempts of CPU-bound handlers in threads of this process, one in each at a time; further ones wait, their time
 * limits running. The event loop stays free for leases, timers and other steps. A thread that ends (out of memory,
 * `process.exit`, an error that nothing caught) fails its attempt and is replaced. One that goes on 5 s after its attempt
 * was asked to stop is ended. Threads start at the first attempt.
 */
export class HandlerThreads {
  readonly #options: HandlerThreadsOptions;
  readonly #line: SlotLine;
  #pool: Promise<Piscina<ThreadTask, StepOutcome>> | undefined;

  constructor(options: HandlerThreadsOptions) {
    this.#options = options;
    this.#line = new SlotLine(options.threads);
  }

  /** Rejects when the handler threw, its thread ended, or it was given up. */
  async perform(file: string, kind: string, context: StepContext): Promise<StepOutcome> {
    if (!(await this.#line.enter(context.signal)))
      return failed('not_begun', 'the attempt was stopped before a thread was free for it');
    try {
      return await this.#performNow(file, kind, context);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      const message = `the handler needed more than the ${this.#options.memoryMb} MiB of its thread`;
      return failed('out_of_memory', message, 'unknown');
    } finally {
      this.#line.leave();
    }
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }

  async #performNow(file: string, kind: string, context: StepContext): Promise<StepOutcome> {
    const { clock } = this.#options;
    const pool = await this.#open();
    const { port1: port, port2 } = new MessageChannel();
    const over = new AbortController();
    const hasBegun = listenTo(port, context);
    const stop = (): void => {
      const message: StopMessage = { reason: context.signal.reason };
      port.postMessage(message);
    };
    context.signal.addEventListener('abort', stop, { once: true });
    if (context.signal.aborted) stop();
    // Aborting this ends the thread that has the task, if one still has.
    const end = new AbortController();
    void clock.sleep(START_LIMIT_MS, over.signal).then(() => {
      if (!hasBegun()) end.abort();
    });
    try {
      const task = { file, kind, context: plain(context), port: port2 };
      const work = pool.run(task, { transferList: [port2], signal: end.signal });
      return await unlessGivenUp(work, context.signal, clock);
    } catch (error) {
      if (!end.signal.aborted) throw error;
      throw new Error(`no thread has started within ${START_LIMIT_MS} ms`, { cause: error });
    } finally {
      over.abort();
      end.abort();
      context.signal.removeEventListener('abort', stop);
      // Heartbeats that are still on their way belong to this attempt.
      hasBegun();
      port.close();
    }
  }

  #open(): Promise<Piscina<ThreadTask, StepOutcome>> {
    return (this.#pool ??= this.#start());
  }

  async #start(): Promise<Piscina<ThreadTask, StepOutcome>> {
    const { entry, threads, memoryMb, logger } = this.#options;
    const { Piscina } = await import('piscina');
    const pool = new Piscina<ThreadTask, StepOutcome>({
      filename: entry,
      // All from the start: only then does the pool replace one that had to be ended.
      minThreads: threads,
      maxThreads: threads,
      // Between attempts a thread's event loop turns, as in any other program.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    pool.on('error', (error) =>
      logger.warn({ error: String(error) }, 'a thread of handlers ended between attempts'),
    );
    return pool;
  }
}

/** Passes heartbeats on, also those that are still on their way when it is asked; answers whether the thread has begun. */
function listenTo(port: MessagePort, context: StepContext): () => boolean {
  let hasBegun = false;
  const hear = (message: ThreadMessage): void => {
    hasBegun = true;
    // Without a payload: what is no JSON is the engine's to leave out.
    if (message.type === 'heartbeat') context.heartbeat(message.payload as Json);
  };
  port.on('message', hear);
  return () => {
    for (;;) {
      const received: { message: unknown } | undefined = receiveMessageOnPort(port);
      if (received === undefined) return hasBegun;
      hear(received.message as ThreadMessage); // all that is sent here
    }
  };
}

function plain(context: StepContext): ThreadTask['context'] {
  const { tenant, runId, workflow, step, attempt, idempotencyKey } = context;
  const { input, workspace, lastHeartbeat } = context;
  return {
    ...{ tenant, runId, workflow, step, attempt, idempotencyKey, input, workspace },
    ...(lastHeartbeat !== undefined && { lastHeartbeat }),
  };
}

function failed(code: string, message: string, effectState?: 'unknown'): StepOutcome {
  return { kind: 'failed', error: { code, message, ...(effectState && { effectState }) } };
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
