import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';

export type NetworkMode =
  | { readonly kind: 'pass' }
  /** A black hole: nothing arrives until it is healed, then all of it does, as retransmission would bring it. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** One byte at a time. */
  | { readonly kind: 'bytes' }
  /** New connections are reset. */
  | { readonly kind: 'refuse' };

/** One direction of a connection: keeps the order, whatever the network does. */
export class FaultyWire {
  readonly #target: Socket;
  readonly #network: { mode(): NetworkMode; healed(): Promise<undefined> };
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(target: Socket, network: { mode(): NetworkMode; healed(): Promise<undefined> }) {
    this.#target = target;
    this.#network = network;
  }

  send(bytes: Buffer): void {
    const { kind } = this.#network.mode();
    if (this.#queued === 0 && (kind === 'pass' || kind === 'refuse')) return this.#write(bytes);
    this.#later(() => this.#slowly(bytes, performance.now()));
  }

  /** After all that was sent. */
  end(): void {
    this.#later(async () => {
      if (this.#network.mode().kind === 'hold') await this.#network.healed();
      this.#target.end();
    });
  }

  #later(step: () => Promise<void>): void {
    this.#queued += 1;
    this.#tail = this.#tail.then(step).finally(() => (this.#queued -= 1));
  }

  async #slowly(bytes: Buffer, sentAtMs: number): Promise<void> {
    if (this.#network.mode().kind === 'hold') await this.#network.healed();
    const mode = this.#network.mode();
    if (mode.kind === 'delay')
      await pause(Math.max(0, sentAtMs + mode.delayMs - performance.now()));
    if (mode.kind !== 'bytes') return this.#write(bytes);
    for (let at = 0; at < bytes.length; at += 1) {
      this.#write(bytes.subarray(at, at + 1));
      await turn();
    }
  }

  #write(bytes: Buffer): void {
    if (this.#target.writable) this.#target.write(bytes);
  }
}
