import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback } from './loopback.ts';
import { networkOf } from './network-of.ts';

/** Connections of one network. */
interface Held {
  readonly sockets: Set<Socket>;
  /** Those without a request under way, the longest idle first. */
  readonly idle: Set<Socket>;
}

/**
 * Keeps connections that ask for nothing from shutting everybody out: one network may hold half of them (loopback, where a
 * proxy for all stands, all), and when there are no more, the longest idle one of the network that holds most gives way.
 * One with a request under way never does; a head that is still coming is none.
 */
export class ConnectionShares {
  readonly #limit: number;
  readonly #byNetwork = new Map<string, Held>();
  /** Pipelined requests count each. */
  readonly #underWay = new WeakMap<Socket, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.add(socket));
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.begin(socket);
      response.once('close', () => this.end(socket));
    });
  }

  /** Counts the connection, or destroys it. */
  add(socket: Socket): void {
    const network = networkOf(socket.remoteAddress ?? '');
    if (!this.#makeRoom(network)) {
      socket.destroy();
      return;
    }
    const held = this.#byNetwork.get(network) ?? { sockets: new Set(), idle: new Set() };
    this.#byNetwork.set(network, held);
    held.sockets.add(socket);
    held.idle.add(socket);
    this.#total += 1;
    socket.once('close', () => this.#remove(network, socket));
  }

  begin(socket: Socket): void {
    this.#underWay.set(socket, (this.#underWay.get(socket) ?? 0) + 1);
    this.#heldBy(socket)?.idle.delete(socket);
  }

  end(socket: Socket): void {
    const left = (this.#underWay.get(socket) ?? 1) - 1;
    this.#underWay.set(socket, left);
    const held = this.#heldBy(socket);
    if (left === 0 && held?.sockets.has(socket)) held.idle.add(socket);
  }

  #makeRoom(network: string): boolean {
    const own = this.#byNetwork.get(network);
    const share = isLoopback(network) ? this.#limit : Math.ceil(this.#limit / 2);
    if (own !== undefined && own.sockets.size >= share) return this.#endIdle(network, own);
    if (this.#total < this.#limit) return true;
    const holders = [...this.#byNetwork].filter(([, { idle }]) => idle.size > 0);
    const [most] = holders.toSorted(([, a], [, b]) => b.sockets.size - a.sockets.size);
    return most !== undefined && this.#endIdle(...most);
  }

  #endIdle(network: string, { idle }: Held): boolean {
    const [longest] = idle;
    if (longest === undefined) return false;
    // At once: the event comes later than the connections that wait to be taken.
    this.#remove(network, longest);
    longest.destroy();
    return true;
  }

  #remove(network: string, socket: Socket): void {
    const held = this.#byNetwork.get(network);
    if (held?.sockets.delete(socket) !== true) return;
    held.idle.delete(socket);
    this.#total -= 1;
    if (held.sockets.size === 0) this.#byNetwork.delete(network);
  }

  #heldBy(socket: Socket): Held | undefined {
    return this.#byNetwork.get(networkOf(socket.remoteAddress ?? ''));
  }
}
