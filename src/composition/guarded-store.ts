import type { Breakers, OpenBreaker } from '../ports/breakers.ts';
import type { Clock } from '../ports/clock.ts';
import {
  StoreRefusedError,
  StoreUnavailableError,
  type CommitRequest,
  type CommitResult,
} from '../ports/run-store.ts';
import type { Store } from '../ports/store.ts';

export const STORE_TARGET = 'store';

/**
 * Who waited in vain for this long has found the store away. One that refuses quickly (full disk, memory limit, a lost
 * connection) makes nobody wait, and may still answer reads.
 */
const IN_VAIN_MS = 1_000;

type StoreMethod = {
  [Name in keyof Store]: Store[Name] extends (...args: never[]) => unknown ? Name : never;
}[keyof Store];

/**
 * `guarded`: refused at once while the store is away. `passed`: as it is. Renewals pass: a lease must not be lost for
 * having asked in the moment before the store came back.
 */
const TREATMENT = {
  commit: 'passed', // guarded apart: it answers instead of throwing
  renew: 'passed',
  onChange: 'passed',
  close: 'passed', // as above
  load: 'guarded',
  findCommand: 'guarded',
  readHistory: 'guarded',
  listRuns: 'guarded',
  scanRuns: 'guarded',
  replaceIndex: 'guarded',
  purgeFinished: 'guarded',
  claimTasks: 'guarded',
  claimEngineWork: 'guarded',
  release: 'guarded',
  discard: 'guarded',
  openWork: 'guarded',
  queueDepths: 'guarded',
  register: 'guarded',
  findByHash: 'guarded',
  findByName: 'guarded',
  listDefinitions: 'guarded',
  getValue: 'guarded',
  listValues: 'guarded',
  setValue: 'guarded',
  deleteValue: 'guarded',
  putArtifact: 'guarded',
  getArtifact: 'guarded',
  publish: 'guarded',
  readFeed: 'guarded',
  feedEnd: 'guarded',
  countFeed: 'guarded',
  feedStatus: 'guarded',
  describe: 'guarded',
} as const satisfies Record<StoreMethod, 'guarded' | 'passed'>;

export interface GuardPorts {
  readonly breakers: Breakers;
  readonly clock: Clock;
  /** Milliseconds that are never set back. */
  readonly elapsedMs: () => number;
}

/**
 * The store behind a breaker: once a call has waited in vain, the others are refused at once ("nothing was sent") until
 * the store answers one of the probes, which begin at once and go on several times a second. Callers are never the
 * probe. What a call that was sent is answered stays as it is.
 */
export function guardStore(store: Store, ports: GuardPorts): Store {
  const guard = new StoreGuard(store, ports);
  const guarded = Object.entries(TREATMENT)
    .filter(([, treatment]) => treatment === 'guarded')
    .map(([name]) => [name, guard.wrap(name as StoreMethod)] as const); // a key of TREATMENT
  return {
    ...store,
    // Each under its own name and with its own type: `wrap` keeps what a method takes and answers.
    ...(Object.fromEntries(guarded) as Partial<Store>),
    commit: (request) => guard.commit(request),
    close: () => guard.close(),
  };
}

class StoreGuard {
  readonly #store: Store;
  readonly #ports: GuardPorts;
  readonly #closing = new AbortController();
  #probing: Promise<void> | undefined;

  constructor(store: Store, ports: GuardPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  wrap(name: StoreMethod): (...args: unknown[]) => Promise<unknown> {
    // A guarded method answers a promise; that it is given its own arguments the type of Store sees to.
    const store = this.#store as unknown as Record<
      StoreMethod,
      (...args: unknown[]) => Promise<unknown>
    >;
    return async (...args) => {
      const open = this.#ports.breakers.find(STORE_TARGET);
      if (open !== undefined) throw new StoreRefusedError(describeOpen(open));
      const sinceMs = this.#ports.elapsedMs();
      try {
        return await store[name](...args);
      } catch (error) {
        if (error instanceof StoreUnavailableError) await this.#failed(sinceMs, error.message);
        throw error;
      }
    };
  }

  async commit(request: CommitRequest): Promise<CommitResult> {
    const open = this.#ports.breakers.find(STORE_TARGET);
    if (open !== undefined)
      return { kind: 'storeUnavailable', reason: describeOpen(open), isUnsent: true };
    const sinceMs = this.#ports.elapsedMs();
    const result = await this.#store.commit(request);
    if (result.kind === 'storeUnavailable') await this.#failed(sinceMs, result.reason);
    return result;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#store.close();
    await this.#probing;
  }

  async #failed(sinceMs: number, reason: string): Promise<void> {
    const { breakers, elapsedMs } = this.#ports;
    if (elapsedMs() - sinceMs < IN_VAIN_MS) return;
    const entry = breakers.enter(STORE_TARGET);
    // Others have failed at the same time, and the probes are under way.
    if (entry.kind === 'refused') return;
    await entry.passage.failed(reason);
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(): Promise<void> {
    const { breakers, clock } = this.#ports;
    const { signal } = this.#closing;
    for (let open; !signal.aborted && (open = breakers.find(STORE_TARGET)) !== undefined;) {
      await clock.sleep(Math.max(0, open.nextProbeAtMs - clock.now()), signal);
      const entry = breakers.enter(STORE_TARGET);
      if (entry.kind === 'refused') continue;
      try {
        await this.#store.getValue('health', 'probe');
        await entry.passage.succeeded();
      } catch (error) {
        await entry.passage.failed(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

function describeOpen({ sinceMs, lastError }: OpenBreaker): string {
  return `it has not answered since ${new Date(sinceMs).toISOString()}; nothing was sent, and Baton tries it several times a second (last: ${lastError})`;
}
