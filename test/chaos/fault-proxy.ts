import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { FaultyWire, type NetworkMode } from './faulty-wire.ts';
import { readRequest, RespFrames, type RedisRequest } from './resp-frames.ts';

/** Springs once, for the first request that fits. */
export interface Trap {
  matches(request: RedisRequest): boolean;
  /** `before`: Redis never sees the request. `after`: Redis has answered, and nobody hears the answer. */
  readonly when: 'before' | 'after';
  /** The connection says nothing more in either direction, and is cut when this returns. */
  spring(): void;
}

/** One process's way to Redis: it can be made bad, and it knows what is asked. */
export interface FaultProxy {
  /** For the setting `store`. */
  readonly url: string;
  /** Takes effect at once for all connections; `pass` delivers what was held back. */
  setMode(mode: NetworkMode): void;
  /** Replaces the trap that is set. `undefined` takes it away. */
  setTrap(trap: Trap | undefined): void;
  /** Every connection ends with a TCP reset; answers how many. */
  resetAll(): number;
  close(): Promise<void>;
}

/** Listens on a free loopback port and passes everything on to the Redis at a Unix socket. */
export async function startFaultProxy(socketPath: string): Promise<FaultProxy> {
  const proxy = new SocketProxy(socketPath);
  await proxy.listen();
  return proxy;
}

class SocketProxy implements FaultProxy {
  readonly #socketPath: string;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #mode: NetworkMode = { kind: 'pass' };
  #healed = Promise.withResolvers<undefined>();
  #trap: Trap | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#server = createServer((client) => this.#accept(client));
  }

  get url(): string {
    // It listens on a TCP port.
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  setMode(mode: NetworkMode): void {
    this.#mode = mode;
    if (mode.kind === 'hold') this.#healed = Promise.withResolvers<undefined>();
    else this.#healed.resolve(undefined);
  }

  setTrap(trap: Trap | undefined): void {
    this.#trap = trap;
  }

  resetAll(): number {
    const links = [...this.#links];
    for (const link of links) link.cut();
    return links.length;
  }

  async close(): Promise<void> {
    this.#healed.resolve(undefined);
    this.#server.close();
    this.resetAll();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#mode.kind === 'refuse') return void client.resetAndDestroy();
    const upstream = createConnection(this.#socketPath);
    const link: Link = new Link(client, upstream, {
      mode: () => this.#mode,
      healed: () => this.#healed.promise,
      takeTrap: (request) => this.#takeTrap(request),
      ended: () => this.#links.delete(link),
    });
    this.#links.add(link);
  }

  #takeTrap(request: () => RedisRequest): Trap | undefined {
    const trap = this.#trap;
    if (!trap?.matches(request())) return undefined;
    this.#trap = undefined;
    return trap;
  }
}

interface LinkPorts {
  mode(): NetworkMode;
  healed(): Promise<undefined>;
  takeTrap(request: () => RedisRequest): Trap | undefined;
  ended(): void;
}

/** One connection and its continuation to Redis. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #ports: LinkPorts;
  readonly #requests = new RespFrames();
  readonly #replies = new RespFrames();
  /** For every request that Redis has not answered: what its answer sets off. */
  readonly #awaited: (Trap | undefined)[] = [];
  #isCut = false;

  constructor(client: Socket, upstream: Socket, ports: LinkPorts) {
    this.#client = client;
    this.#upstream = upstream;
    this.#ports = ports;
    const toRedis = new FaultyWire(upstream, ports);
    const toClient = new FaultyWire(client, ports);
    client.setNoDelay(true);
    client.on('data', (bytes) => this.#onRequests(bytes, toRedis));
    upstream.on('data', (bytes) => this.#onReplies(bytes, toClient));
    // What is under way arrives before the end does.
    client.on('close', () => toRedis.end());
    upstream.on('close', () => {
      toClient.end();
      ports.ended();
    });
    // The end follows by itself; there is nobody to tell.
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
  }

  cut(): void {
    this.#isCut = true;
    this.#client.resetAndDestroy();
    this.#upstream.destroy();
  }

  #onRequests(bytes: Buffer, toRedis: FaultyWire): void {
    for (const frame of this.#requests.push(bytes)) {
      if (this.#isCut) return;
      const trap = this.#ports.takeTrap(() => readRequest(frame));
      if (trap?.when === 'before') return this.#springOn(trap);
      this.#awaited.push(trap);
      toRedis.send(frame);
    }
  }

  #onReplies(bytes: Buffer, toClient: FaultyWire): void {
    for (const frame of this.#replies.push(bytes)) {
      if (this.#isCut) return;
      const trap = this.#awaited.shift();
      if (trap !== undefined) return this.#springOn(trap);
      toClient.send(frame);
    }
  }

  #springOn(trap: Trap): void {
    this.#isCut = true;
    trap.spring();
    this.cut();
  }
}
