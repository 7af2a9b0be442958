import type { Clock } from '../ports/clock.ts';

const LOOK_EVERY_MS = 5_000;
/** A comment of the format of server-sent events: no client takes it for an event. */
const KEEP_ALIVE = new TextEncoder().encode(': keep-alive\n\n');
const NEWLINE = 0x0a;

export interface StreamWatch {
  readonly clock: Clock;
  /** Asked every five seconds; false ends the stream. */
  readonly isAllowed: () => Promise<boolean>;
  /** The source broke. Its reader finds the stream ended: an error's words are not for it. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * The same event stream, which says something at least every five seconds, so that proxies keep it and a connection that
 * is gone is noticed, and which ends soon after its reader's key was revoked. Reads on only as fast as the client does.
 */
export function watchStream(
  source: ReadableStream<Uint8Array>,
  watch: StreamWatch,
): ReadableStream<Uint8Array> {
  const stream = new WatchedStream(source.getReader(), watch);
  return new ReadableStream(
    {
      pull: (controller) => stream.pull(controller),
      cancel: (reason) => stream.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** One of the two. */
interface Arrived {
  readonly read?: { readonly value?: Uint8Array | undefined };
  readonly error?: unknown;
}

class WatchedStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #watch: StreamWatch;
  /** Of the read under way, which outlasts many looks. */
  #arrived: Arrived | undefined;
  #isReading = false;
  #wake: () => void = () => undefined;
  #lookedAtMs: number;
  #isBetweenEvents = true;
  #isOver = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, watch: StreamWatch) {
    this.#reader = reader;
    this.#watch = watch;
    this.#lookedAtMs = watch.clock.now();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#read();
    await this.#waitForEither();
    if (this.#isOver) return;
    const isDue = this.#watch.clock.now() - this.#lookedAtMs >= LOOK_EVERY_MS;
    if (isDue && !(await this.#isStillAllowed())) {
      await this.cancel('no longer allowed');
      controller.close();
    } else if (this.#arrived !== undefined) this.#pass(controller);
    // Without a whole event before it a comment would fall into one. Nothing passed: this is pulled once more.
    else controller.enqueue(this.#isBetweenEvents ? KEEP_ALIVE : new Uint8Array(0));
  }

  async cancel(reason: unknown): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await this.#reader.cancel(reason);
  }

  #pass(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { read, error } = this.#arrived ?? {};
    this.#arrived = undefined;
    if (read === undefined) this.#watch.onBroken(error);
    const value = read?.value;
    if (value === undefined) return controller.close();
    this.#isBetweenEvents = value.at(-1) === NEWLINE && value.at(-2) === NEWLINE;
    controller.enqueue(value);
  }

  /** One read at a time, noted once: racing it at every look would leave a trace of each on it. */
  #read(): void {
    if (this.#isReading || this.#arrived !== undefined) return;
    this.#isReading = true;
    const arrive = (arrived: Arrived): void => {
      this.#isReading = false;
      this.#arrived = arrived;
      this.#wake();
    };
    this.#reader.read().then(
      (read) => arrive({ read }),
      (error: unknown) => arrive({ error }),
    );
  }

  async #waitForEither(): Promise<void> {
    if (this.#arrived !== undefined) return;
    const { clock } = this.#watch;
    const over = new AbortController();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      const leftMs = this.#lookedAtMs + LOOK_EVERY_MS - clock.now();
      void clock.sleep(Math.max(1, leftMs), over.signal).then(resolve);
    });
    over.abort();
  }

  async #isStillAllowed(): Promise<boolean> {
    this.#lookedAtMs = this.#watch.clock.now();
    return this.#watch.isAllowed();
  }
}
