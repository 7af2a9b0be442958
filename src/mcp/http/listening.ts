import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { Caller } from '../../application/access/access.ts';
import { callerIdOf } from '../caller-id.ts';
import {
  narrowListen,
  parseListen,
  refusedListen,
  subscribeTo,
  type Listen,
} from '../listen-requests.ts';
import { ListenBus } from './listen-bus.ts';
import type { McpLimits } from './mcp-limits.ts';
import { INTERNAL_ERROR, rpcError } from './rpc-error.ts';
import type { ServedConnection } from './serve-connections.ts';

export interface ListeningOptions {
  readonly connect: (caller: Caller) => ServedConnection;
  readonly limits: McpLimits;
  readonly onError: (error: Error) => void;
}

interface OpenListen {
  readonly callerId: string;
  readonly keyId: string | undefined;
  readonly handler: McpHttpHandler;
}

/**
 * `subscriptions/listen` over HTTP: every request has a watch and a bus of its own, so that a caller hears of nothing that
 * it could not read. A request is answered when the resources have been read: what changes after its acknowledgement is
 * told of. The subscription ends with the request, and is nowhere else.
 */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #open = new Set<OpenListen>();

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The body is a request of that method; what is wrong with it is told by the SDK. */
  async handle(request: Request, body: unknown, caller: Caller): Promise<Response> {
    const { connect, limits, onError } = this.#options;
    const callerId = callerIdOf(caller);
    const listen = parseListen(body);
    const own = [...this.#open].filter((open) => open.callerId === callerId);
    if (this.#open.size >= limits.listening || own.length >= limits.listeningPerCaller)
      return rpcError(200, TOO_MANY, { id: listen?.id ?? null });
    const refused = listen && refusedListen(listen);
    if (refused !== undefined) return rpcError(400, refused, { id: listen?.id ?? null });
    const { watch, registry } = connect(caller);
    const end = (): void => {
      watch?.close();
      this.#open.delete(open);
    };
    const bus = new ListenBus(end);
    // Of a connection of its own: building a server object attaches that one to the watch.
    const handler = createMcpHandler((context) => connect(caller).build(context), {
      legacy: 'reject',
      bus,
      onerror: onError,
      maxRequestBodySize: limits.bodyBytes,
    });
    const open: OpenListen = { callerId, keyId: caller.key?.id, handler };
    this.#open.add(open);
    try {
      watch?.attach(bus);
      const honoured =
        listen && watch && registry ? narrowListen(listen, { watch, registry }) : body;
      if (watch && honoured !== body) await subscribeTo(honoured as Listen, watch);
      return await handler.fetch(request, { parsedBody: honoured });
    } finally {
      // Refused, or there was nothing to listen for.
      if (!bus.isHeard) end();
    }
  }

  /** Each is told that it has ended, as the specification has it. */
  async close(): Promise<void> {
    await this.#end([...this.#open]);
  }

  async endKey(keyId: string): Promise<void> {
    await this.#end([...this.#open].filter((open) => open.keyId === keyId));
  }

  async #end(ended: readonly OpenListen[]): Promise<void> {
    await Promise.all(ended.map(({ handler }) => handler.close()));
  }
}

const TOO_MANY = {
  code: INTERNAL_ERROR,
  message:
    'Subscription limit reached: close other subscriptions/listen streams first; await_workflow waits for a run without one.',
};
