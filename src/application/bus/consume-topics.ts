import { z } from 'zod';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { CONSUMER_NAME, MAX_CONSUMERS, takeConsumer } from './consumer-records.ts';
import type { HeldConsumer } from './consumer-records.ts';
import { followTopicsInputSchema, patternRefusal, startOf } from './follow-topics.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { atMost, topicPages } from './topic-pages.ts';
import { createTopicReader, type TopicPage } from './topic-reader.ts';
import type { ApplicationPorts, CallContext, UseCaseError, UseCaseResult } from '../use-case.ts';

/** After this time without a word a consumer's process counts as gone. */
const LEASE_MS = 10_000;
/** The place is also noted without messages, or it would fall behind what the store keeps. */
const NOTE_PLACE_EVERY_MS = 5_000;
/** Who waits for another's consumer looks this often. */
const TAKE_PAUSE_MS = 500;
const STORE_PAUSE_MS = 500;

export const consumeTopicsInputSchema = z.object({
  ...followTopicsInputSchema.shape,
  consumer: z
    .string()
    .regex(CONSUMER_NAME, 'lower case letters, digits, dots, hyphens, underscores; at most 64'),
});
export type ConsumeTopicsInput = z.infer<typeof consumeTopicsInputSchema>;

export interface ConsumedTopics {
  readonly consumer: string;
  readonly delivered: number;
  /** Everything up to here was acknowledged. */
  readonly cursor: string;
}

export interface ConsumerCallbacks {
  /** What it handled is acknowledged when it resolves. A message comes again if the process dies before that. */
  onPage(page: TopicPage): Promise<void>;
  /** `waiting`: another process holds the consumer. */
  onState?(state: 'holding' | 'waiting' | 'lost' | 'store_unavailable'): void;
}

type ConsumerPorts = Pick<ApplicationPorts, 'store' | 'plans' | 'clock' | 'ids'>;

/**
 * Delivers every message that fits, at least once and page by page, to whoever holds the named consumer; its place is kept in
 * the store, so that a restart goes on after the last acknowledgement. One process holds it at a time. If that dies,
 * another that waits (`follow`) takes over within the lease, and what was not acknowledged comes again under the same
 * message ids. A new consumer begins at `after` (default: the oldest that is kept); one that exists at its place.
 */
export function createConsumeTopics(
  ports: ConsumerPorts,
): (
  context: CallContext,
  input: ConsumeTopicsInput,
  callbacks: ConsumerCallbacks,
) => Promise<UseCaseResult<ConsumedTopics>> {
  return (context, input, callbacks) =>
    translatingErrors<ConsumedTopics>('unknown', async () => {
      const refusal = patternRefusal(input.topics ?? []);
      if (refusal !== undefined) return failure(refusal);
      const consumption = new Consumption(ports, context, input, callbacks);
      const error = await consumption.run();
      if (error !== undefined) return failure(error);
      const { delivered, cursor } = consumption;
      return { ok: true, value: { consumer: input.consumer, delivered, cursor } };
    });
}

class Consumption {
  readonly #ports: ConsumerPorts;
  readonly #tenant: string;
  readonly #signal: AbortSignal;
  readonly #input: ConsumeTopicsInput;
  readonly #callbacks: ConsumerCallbacks;
  readonly #holder: string;
  delivered = 0;
  cursor = '';

  constructor(
    ports: ConsumerPorts,
    context: CallContext,
    input: ConsumeTopicsInput,
    callbacks: ConsumerCallbacks,
  ) {
    this.#ports = ports;
    this.#tenant = context.tenant;
    this.#signal = context.signal ?? new AbortController().signal;
    this.#input = input;
    this.#callbacks = callbacks;
    this.#holder = ports.ids.newId();
  }

  /** To the end, the limit or the signal. Who does not follow waits for nothing. */
  async run(): Promise<UseCaseError | undefined> {
    const { follow = false } = this.#input;
    while (!this.#signal.aborted) {
      try {
        const taken = await this.#take();
        if (taken.kind === 'too_many') return tooMany();
        if (taken.kind === 'busy' && !follow) return busy(this.#input.consumer);
        if (taken.kind === 'busy') {
          this.#callbacks.onState?.('waiting');
          await this.#ports.clock.sleep(TAKE_PAUSE_MS, this.#signal);
        } else if (await this.#hold(taken.held)) return undefined;
        else if (!follow) return busy(this.#input.consumer);
      } catch (error) {
        if (!follow || !(error instanceof StoreUnavailableError)) throw error;
        this.#callbacks.onState?.('store_unavailable');
        await this.#ports.clock.sleep(STORE_PAUSE_MS, this.#signal);
      }
    }
    return undefined;
  }

  #take() {
    const { consumer, topics = ['>'], after = 'oldest' } = this.#input;
    return takeConsumer(this.#ports, {
      tenant: this.#tenant,
      name: consumer,
      topics,
      holder: this.#holder,
      leaseMs: LEASE_MS,
      // An empty place reads from the oldest that is kept.
      start: async () => (await startOf(this.#ports.store, after)) ?? '',
    });
  }

  /** True: all is delivered that was to be. False: somebody else has the consumer now. */
  async #hold(held: HeldConsumer): Promise<boolean> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#signal, over.signal]);
    this.#callbacks.onState?.('holding');
    const renewing = this.#renew(held, signal, () => over.abort());
    try {
      const isDone = await this.#deliver(held, signal);
      if (!isDone) this.#callbacks.onState?.('lost');
      return isDone;
    } finally {
      over.abort();
      await renewing;
      await letGo(held);
    }
  }

  async #deliver(held: HeldConsumer, signal: AbortSignal): Promise<boolean> {
    const { topics = ['>'], limit = Infinity, follow: isEndless = false } = this.#input;
    const reader = createTopicReader(this.#ports, this.#tenant, topics);
    const after = held.cursor === '' ? undefined : held.cursor;
    this.cursor = held.cursor;
    let notedAtMs = this.#ports.clock.now();
    for await (const page of topicPages(this.#ports, reader, { after, isEndless, signal })) {
      const part = atMost(page, limit - this.delivered);
      const isNews = part.messages.length > 0 || part.gap;
      if (isNews) await this.#callbacks.onPage(part);
      const nowMs = this.#ports.clock.now();
      const isEnd = !isEndless && !part.hasMore;
      if (isNews || isEnd || nowMs - notedAtMs >= NOTE_PLACE_EVERY_MS) {
        if (!(await held.acknowledge(part.cursor))) return false;
        this.cursor = part.cursor;
        notedAtMs = nowMs;
      }
      this.delivered += part.messages.length;
      if (this.delivered >= limit) break;
    }
    return !signal.aborted || this.#signal.aborted;
  }

  /** Beside the handling, which may take longer than the lease. */
  async #renew(held: HeldConsumer, signal: AbortSignal, onLost: () => void): Promise<void> {
    const { clock } = this.#ports;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      await clock.sleep(LEASE_MS / 3, signal);
      if (isOver()) return;
      try {
        if (!(await held.renew())) return onLost();
      } catch (error) {
        // The lease may outlive the trouble; if it does not, the next acknowledgement is refused.
        if (!(error instanceof StoreUnavailableError)) throw error;
      }
    }
  }
}

/** A lease that cannot be given back runs out: what was delivered and acknowledged stays so. */
async function letGo(held: HeldConsumer): Promise<void> {
  try {
    await held.release();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
  }
}

function busy(name: string): UseCaseError {
  return {
    code: 'consumer_busy',
    message: `another process holds the consumer "${name}"`,
    changed: 'nothing',
    next: `Follow it to take over when that process ends (within ${LEASE_MS / 1_000} s of its death), or choose another name.`,
  };
}

function tooMany(): UseCaseError {
  return {
    code: 'too_many_consumers',
    message: `there are ${MAX_CONSUMERS} consumers already`,
    changed: 'nothing',
    next: 'Go on with the name of one that exists; one that is not used is forgotten after 30 days.',
  };
}
