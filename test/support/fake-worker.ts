import { PendingCalls } from '../../src/application/engine/pending-calls.ts';
import { createStepWorker, type StepWorker } from '../../src/application/engine/step-worker.ts';
import type { Json } from '../../src/domain/json.ts';
import type { Breakers } from '../../src/ports/breakers.ts';
import type {
  StepContext,
  StepHandler,
  StepHandlerError,
  StepOutcome,
} from '../../src/ports/step-handler.ts';
import { settled, until, type TestProcess } from './application.ts';

/** One attempt in a handler, which ends when the test says so. */
export interface RunningStep {
  readonly context: StepContext;
  complete(output?: Json): void;
  fail(error?: Partial<StepHandlerError>): void;
  crash(error: unknown): void;
}

/** A handler whose attempts the test ends by hand. One that is asked to stop fails at once, unless it is stubborn. */
export class FakeHandler implements StepHandler {
  readonly kind = 'shell';
  readonly queues: readonly string[];
  /** Every attempt it was given, in order. */
  readonly attempts: RunningStep[] = [];
  isStubborn = false;
  /** What its steps talk to. Default: nothing. */
  target: ((input: Json) => string | undefined) | undefined;
  /** Outcome of attempts that end by themselves. */
  immediate: ((context: StepContext) => StepOutcome) | undefined;

  constructor(queues: readonly string[] = ['shell:true']) {
    this.queues = queues;
  }

  async run(context: StepContext): Promise<StepOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<StepOutcome>();
    const failed = (error: Partial<StepHandlerError> = {}): StepOutcome => ({
      kind: 'failed',
      error: { code: 'exit_1', message: 'it broke', ...error },
    });
    this.attempts.push({
      context,
      complete: (output = null) => resolve({ kind: 'completed', output }),
      fail: (error) => resolve(failed(error)),
      crash: reject,
    });
    const stop = (): void => resolve(failed({ code: 'stopped' }));
    if (!this.isStubborn) context.signal.addEventListener('abort', stop, { once: true });
    if (this.immediate) return this.immediate(context);
    return promise;
  }

  /** The newest attempt of the step. */
  attempt(step: string): RunningStep {
    const found = this.attempts.findLast(({ context }) => context.step === step);
    if (found === undefined) throw new Error(`no attempt of "${step}" has begun`);
    return found;
  }

  steps(): string[] {
    return this.attempts.map(({ context }) => context.step);
  }
}

export interface TestWorker {
  readonly worker: StepWorker;
  readonly handler: FakeHandler;
  /** Resolves when the worker has ended. */
  readonly ended: Promise<void>;
  readonly limit: { current: number };
  readonly stopClaiming: () => void;
  readonly shutDown: () => void;
  /** Both, and waits for the end. */
  readonly stop: () => Promise<void>;
}

export const LEASE_MS = 9_000;

/** A worker that runs in the process until it is stopped. */
export function startWorker(
  process: TestProcess,
  options: {
    readonly handler?: FakeHandler;
    readonly owner?: string;
    readonly limit?: number;
    readonly breakers?: Breakers;
  } = {},
): TestWorker {
  const { handler = new FakeHandler(), owner = 'w1' } = options;
  const limit = { current: options.limit ?? 4 };
  const stopClaiming = new AbortController();
  const shutdown = new AbortController();
  const { queues } = handler;
  const worker = createStepWorker({
    store: process.store,
    execute: process.execute,
    runs: process.runs,
    clock: process.clock,
    ids: process.ids,
    logger: process.logger,
    owner,
    actor: `worker:${owner}`,
    leaseDurationMs: LEASE_MS,
    handlers: new Map([[handler.kind, handler]]),
    ...(options.breakers && { breakers: options.breakers }),
    canContinue: (queue) => !stopClaiming.signal.aborted && queues.includes(queue),
    queues,
    limit,
    calls: new PendingCalls(process.clock),
    stopClaiming: stopClaiming.signal,
    shutdown: shutdown.signal,
  });
  const ended = worker.run();
  // The test that stops the worker looks at it; until then nobody does.
  ended.catch(() => undefined);
  const test: TestWorker = {
    worker,
    handler,
    ended,
    limit,
    stopClaiming: () => stopClaiming.abort(),
    shutDown: () => shutdown.abort(),
    stop: () => {
      test.stopClaiming();
      test.shutDown();
      return settled(process.clock, ended);
    },
  };
  return test;
}

/** Goes on until so many attempts have begun. */
export function begun({ clock }: TestProcess, handler: FakeHandler, count: number): Promise<void> {
  return until(clock, () => handler.attempts.length >= count);
}
