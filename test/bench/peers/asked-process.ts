import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** Until a process that was asked to close is ended by a signal. */
const CLOSE_GRACE_MS = 5_000;

interface Close {
  readonly do: 'close';
}

interface Told {
  readonly told: unknown;
}

type Message = { readonly answer: unknown } | Told;

/**
 * A process of its own, fresh, so that no measure inherits another's heap or compiled code. It answers in the order in
 * which it was asked; a question waits for the one before it.
 */
export class AskedProcess<Request extends object> {
  readonly #process: ChildProcess;
  readonly #exited: Promise<never>;
  #onAnswer: (answer: unknown) => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** What the process tells unasked. */
  onTold: (told: unknown) => void = () => undefined;

  /** `file`: stands beside this one. */
  constructor(file: string) {
    this.#process = fork(join(import.meta.dirname, file));
    this.#exited = new Promise((_resolve, reject) => {
      this.#process.once('exit', (code, signal) =>
        reject(new Error(`${file} ended with ${String(code ?? signal)}`)),
      );
    });
    // Whoever asks learns of it.
    this.#exited.catch(() => undefined);
    this.#process.on('message', (message) => {
      // serveRequests alone writes to this channel.
      const received = message as Message;
      if ('told' in received) this.onTold(received.told);
      else this.#onAnswer(received.answer);
    });
  }

  /** The caller knows what the process answers to this request. Rejects when the process is gone. */
  async ask<Answer = void>(request: Request): Promise<Answer> {
    const answer = this.#last.then(() => {
      const answered = new Promise((resolve) => (this.#onAnswer = resolve));
      this.#send(request);
      return Promise.race([answered, this.#exited]);
    });
    this.#last = answer.catch(() => undefined);
    // Both ends of the channel are written here, and each names what it answers beside its requests.
    return (await answer) as Answer;
  }

  /** No answer is waited for. */
  tell(told: unknown): void {
    if (this.#process.connected) this.#send({ told });
  }

  async close(): Promise<void> {
    const request: Close = { do: 'close' };
    const late = setTimeout(() => this.kill(), CLOSE_GRACE_MS);
    this.#send(request);
    await this.#exited.catch(() => undefined);
    clearTimeout(late);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** What cannot be sent any more is told by the exit. */
  #send(message: object): void {
    this.#process.send(message, () => undefined);
  }
}

export interface RequestServer<Request> {
  answer(request: Request): Promise<unknown>;
  told?(told: unknown): void;
  close(): Promise<void>;
}

function isClose(message: { readonly do: string }): message is Close {
  return message.do === 'close';
}

/** The other end: `answer` is asked one thing at a time. Ends with its parent, and after `close`. */
export function serveRequests<Request extends { readonly do: string }>(
  server: RequestServer<Request>,
): void {
  const answer = async (message: Request | Close | Told): Promise<void> => {
    if ('told' in message) return server.told?.(message.told);
    if (isClose(message)) {
      await server.close();
      process.exit();
    }
    process.send?.({ answer: await server.answer(message) });
  };
  process.on('disconnect', () => process.exit());
  process.on('message', (message) => {
    // AskedProcess alone writes to this channel.
    answer(message as Request | Told).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
}

/** To the parent, unasked. */
export function tellParent(told: unknown): void {
  process.send?.({ told });
}
