import { randomUUID } from 'node:crypto';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import type { Caller } from '../../application/access/access.ts';
import { fairShares } from '../../application/access/fair-shares.ts';
import type { Clock } from '../../ports/clock.ts';
import { callerIdOf } from '../caller-id.ts';
import { EventBudget } from './event-log.ts';
import { LegacySession } from './legacy-session.ts';
import type { McpLimits } from './mcp-limits.ts';
import {
  requestIdOf,
  rpcError,
  SERVER_ERROR,
  SESSION_NOT_FOUND,
  type RpcError,
} from './rpc-error.ts';
import type { ServedConnection } from './serve-connections.ts';

export interface LegacySessionsOptions {
  readonly connect: (caller: Caller) => ServedConnection;
  readonly clock: Clock;
  readonly limits: McpLimits;
  readonly onError: (error: Error) => void;
}

export interface LegacyAnswer {
  readonly response: Response;
  /** Of the request; absent where none was found or begun. */
  readonly session?: LegacySession;
}

/** Sessions are looked through this often for those that nobody uses. */
const SWEEP_MS = 30_000;

/** The sessions of one process, each open to the caller alone that began it: to others it does not exist. */
export class LegacySessions {
  readonly #options: LegacySessionsOptions;
  readonly #budget: EventBudget;
  readonly #byId = new Map<string, LegacySession>();
  /** Absent while there are none to sweep. */
  #sweeping: AbortController | undefined;

  constructor(options: LegacySessionsOptions) {
    this.#options = options;
    this.#budget = new EventBudget(options.limits.eventBytes);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Held for clients whose stream was cut. */
  get eventBytes(): number {
    return this.#budget.bytes;
  }

  get working(): number {
    let working = 0;
    for (const session of this.#byId.values()) working += session.working;
    return working;
  }

  /** `body` is that of a POST, parsed. */
  async handle(request: Request, body: unknown, caller: Caller): Promise<LegacyAnswer> {
    const id = request.headers.get('mcp-session-id');
    if (id === null) {
      // What else comes without a session is refused, as the transport would.
      if (request.method === 'POST' && isInitializeRequest(body))
        return this.#open(request, body, caller);
      return { response: rpcError(400, NO_SESSION, { id: requestIdOf(body) }) };
    }
    const session = this.#byId.get(id);
    if (session?.callerId !== callerIdOf(caller))
      return { response: rpcError(404, NOT_FOUND, { id: requestIdOf(body) }) };
    this.#use(id, session);
    const response = await session.handle(request, body);
    return { response, session };
  }

  closeStandingStreams(): void {
    for (const session of this.#byId.values()) session.closeStandingStream();
  }

  async endKey(keyId: string): Promise<void> {
    await closeAll([...this.#byId.values()].filter((session) => session.keyId === keyId));
  }

  async close(): Promise<void> {
    await closeAll([...this.#byId.values()]);
  }

  async #open(request: Request, body: unknown, caller: Caller): Promise<LegacyAnswer> {
    const { connect, limits, onError } = this.#options;
    const callerId = callerIdOf(caller);
    const full = this.#makeRoom(caller, callerId);
    if (full !== undefined)
      return {
        response: rpcError(full.status, full.error, {
          id: requestIdOf(body),
          headers: { 'Retry-After': '30' },
        }),
      };
    let openedAs: string | undefined;
    const session = new LegacySession({
      connection: connect(caller),
      callerId,
      tenant: caller.tenant,
      keyId: caller.key?.id,
      // 122 random bits of the operating system, and as many again.
      newId: () => `${randomUUID()}${randomUUID()}`.replaceAll('-', ''),
      limits,
      budget: this.#budget,
      onError,
      onOpen: (opened, id) => {
        openedAs = id;
        this.#use(id, opened);
        this.#sweep();
      },
      onClose: () => {
        if (openedAs !== undefined) this.#byId.delete(openedAs);
        if (this.#byId.size === 0) this.#sweeping?.abort();
      },
    });
    try {
      await session.start(request);
      const response = await session.handle(request, body);
      if (openedAs === undefined) await session.close();
      return { response, session };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Sessions stand in the order of their last use. */
  #use(id: string, session: LegacySession): void {
    session.lastUsedMs = this.#options.clock.now();
    this.#byId.delete(id);
    this.#byId.set(id, session);
  }

  /**
   * Who has its share has its own sessions give way; when all are taken, those of whoever holds most. One at work never
   * does: then the new one is refused.
   */
  #makeRoom({ tenant }: Caller, callerId: string): Refusal | undefined {
    const { limits } = this.#options;
    const shares = fairShares(limits.sessions, tenant);
    const all = [...this.#byId.values()];
    const ofCaller = all.filter((session) => session.callerId === callerId);
    if (ofCaller.length >= Math.min(limits.sessionsPerCaller, shares.ofCaller))
      return this.#giveWay(ofCaller) ? undefined : TOO_MANY_OF_CALLER;
    const ofTenant = all.filter((session) => session.tenant === tenant);
    if (ofTenant.length >= shares.ofTenant)
      return this.#giveWay(ofTenant) ? undefined : TOO_MANY_OF_TENANT;
    if (all.length < limits.sessions || this.#giveWay(all)) return undefined;
    return TOO_MANY;
  }

  /** The longest idle of the caller that holds most, in the tenant that holds most; false: all are at work. */
  #giveWay(sessions: readonly LegacySession[]): boolean {
    const ofTenant = Map.groupBy(sessions, ({ tenant }) => tenant);
    const ofCaller = Map.groupBy(sessions, ({ callerId }) => callerId);
    const held = ({ tenant, callerId }: LegacySession) =>
      [ofTenant.get(tenant)?.length ?? 0, ofCaller.get(callerId)?.length ?? 0] as const;
    // Those that stood in the order of their last use still do among equals.
    const [unused] = sessions
      .filter((session) => session.isIdle)
      .map((session) => ({ session, held: held(session) }))
      .toSorted((a, b) => b.held[0] - a.held[0] || b.held[1] - a.held[1]);
    if (unused === undefined) return false;
    void unused.session.close().catch(this.#options.onError);
    return true;
  }

  #sweep(): void {
    if (this.#sweeping !== undefined) return;
    const sweeping = new AbortController();
    this.#sweeping = sweeping;
    void this.#sweepUntil(sweeping.signal).finally(() => {
      this.#sweeping = undefined;
      if (this.#byId.size > 0) this.#sweep();
    });
  }

  async #sweepUntil(signal: AbortSignal): Promise<void> {
    const { clock, limits, onError } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(Math.min(SWEEP_MS, limits.sessionIdleMs), signal);
      const oldestMs = clock.now() - limits.sessionIdleMs;
      const unused = [...this.#byId.values()].filter(
        (session) => session.isIdle && session.lastUsedMs <= oldestMs,
      );
      await closeAll(unused).catch(onError);
    }
  }
}

async function closeAll(sessions: readonly LegacySession[]): Promise<void> {
  await Promise.all(sessions.map((session) => session.close()));
}

const NO_SESSION = {
  code: SERVER_ERROR,
  message:
    'Bad Request: Mcp-Session-Id header is required. Begin with an initialize request, which answers the id of a session; clients of 2026-07-28 need none and name the revision in every request.',
};

const NOT_FOUND = {
  code: SESSION_NOT_FOUND,
  message:
    'Session not found. It has ended, or the server was restarted: begin a new one with an initialize request and no session id. Runs went on.',
};

interface Refusal {
  readonly status: 429 | 503;
  readonly error: RpcError;
}

const TOO_MANY_OF_CALLER = {
  status: 429,
  error: {
    code: SERVER_ERROR,
    message:
      'This caller has as many sessions at work as one may have. Nothing was begun; end one (DELETE), or come back when one has finished.',
  },
} as const;

const TOO_MANY_OF_TENANT = {
  status: 429,
  error: {
    code: SERVER_ERROR,
    message:
      "This caller's tenant has as many sessions at work as one may have. Nothing was begun; end one (DELETE), or come back when one has finished.",
  },
} as const;

const TOO_MANY = {
  status: 503,
  error: {
    code: SERVER_ERROR,
    message:
      'This server holds as many sessions as it can, all at work. Nothing was begun; come back later.',
  },
} as const;
