import { WakeSignal } from '../application/engine/wake-signal.ts';
import type { ChangeFeed, StoreChange } from '../ports/change-feed.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';

/** Resources that one connection may subscribe to. */
export const MAX_SUBSCRIPTIONS = 100;
/** A resource that changes all the time is told of twice a second, the list every two seconds. */
const MIN_PAUSE_MS = 500;
const MIN_LIST_PAUSE_MS = 2_000;
/** Looks again at least this often: not every change is announced (a step that was claimed, a worker that died). */
const LOOK_AGAIN_MS = 5_000;

/** Who asked: the id of a `subscriptions/listen` request, or the connection itself (before 2026-07-28). */
export type Subscriber = string | number | typeof CONNECTION;
export const CONNECTION = Symbol('connection');

export interface WatchedResources {
  /** Stands for what the resource reads as now; `undefined` when that cannot be said at the moment. */
  fingerprint(uri: string): Promise<string | undefined>;
  listFingerprint(): Promise<string | undefined>;
  /** The run that the resource is about; `undefined`: any change may be one of it. */
  runOf(uri: string): string | undefined;
}

export interface ChangeListener {
  updated(uri: string): Promise<void>;
  listChanged(): Promise<void>;
}

interface Watched {
  readonly runId: string | undefined;
  /** As it last read; absent until it has been read. */
  fingerprint?: string | undefined;
}

/** Resources that several watches may have together. */
export interface WatchBudget {
  left(): number;
  take(count: number): void;
  give(count: number): void;
}

export interface ResourceWatchOptions {
  readonly resources: WatchedResources;
  readonly changes: ChangeFeed;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: as many as the connection may. */
  readonly budget?: WatchBudget;
}

/**
 * The subscriptions of one connection. Whatever reads differently from how it read when `subscribe` or `watchList`
 * resolved is told of, within five seconds even if nobody announced the change; several changes in a row are told of
 * once. Nothing is read while nobody subscribes. Nothing is kept: the subscriptions end with the connection.
 */
export class ResourceWatch {
  readonly #options: ResourceWatchOptions;
  /** The listener of the server object that serves the connection. */
  #listener: ChangeListener | undefined;
  readonly #subscribers = new Map<Subscriber, Set<string>>();
  readonly #listSubscribers = new Set<Subscriber>();
  readonly #seen = new Map<string, Watched>();
  #seenList: string | undefined;
  #listLookedAtMs = 0;
  #isListChanged = false;
  readonly #changed = new Set<string>();
  #isAllChanged = false;
  #lookedAtAllMs = 0;
  #isClosed = false;
  /** While anybody subscribes. */
  #loop: { readonly ending: AbortController; readonly wake: WakeSignal } | undefined;

  constructor(options: ResourceWatchOptions) {
    this.#options = options;
  }

  /** Who is told from now on, in place of whoever was before. */
  attach(listener: ChangeListener): void {
    this.#listener = listener;
  }

  /** How many more resources can be subscribed to. */
  get left(): number {
    const own = MAX_SUBSCRIPTIONS - this.#seen.size;
    return Math.min(own, this.#options.budget?.left() ?? own);
  }

  isWatched(uri: string): boolean {
    return this.#seen.has(uri);
  }

  /** The caller keeps to `left`. */
  async subscribe(subscriber: Subscriber, uris: readonly string[]): Promise<void> {
    if (this.#isClosed) return;
    const own = this.#subscribers.get(subscriber) ?? new Set();
    this.#subscribers.set(subscriber, own);
    const fresh = uris.filter((uri) => !this.#seen.has(uri));
    for (const uri of uris) own.add(uri);
    const { resources, budget } = this.#options;
    budget?.take(fresh.length);
    for (const uri of fresh) this.#seen.set(uri, { runId: resources.runOf(uri) });
    // Before the first reading, so that no change falls in between.
    this.#watch();
    for (const uri of fresh) {
      const watched = this.#seen.get(uri);
      const fingerprint = await resources.fingerprint(uri);
      if (watched !== undefined) watched.fingerprint = fingerprint;
    }
  }

  async watchList(subscriber: Subscriber): Promise<void> {
    const isFirst = this.#listSubscribers.size === 0;
    this.#listSubscribers.add(subscriber);
    this.#watch();
    if (isFirst) this.#seenList = await this.#options.resources.listFingerprint();
  }

  /** Without a URI: everything of the subscriber. */
  unsubscribe(subscriber: Subscriber, uri?: string): void {
    const own = this.#subscribers.get(subscriber);
    const ended = uri === undefined ? [...(own ?? [])] : [uri];
    for (const each of ended) own?.delete(each);
    if (uri === undefined) {
      this.#subscribers.delete(subscriber);
      this.#listSubscribers.delete(subscriber);
    }
    for (const each of ended) {
      const isWanted = [...this.#subscribers.values()].some((others) => others.has(each));
      if (!isWanted && this.#seen.delete(each)) this.#options.budget?.give(1);
    }
    if (this.#isIdle()) this.#stop();
  }

  /** For good. */
  close(): void {
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#listSubscribers.clear();
    this.#options.budget?.give(this.#seen.size);
    this.#seen.clear();
    this.#stop();
  }

  #isIdle(): boolean {
    return this.#seen.size === 0 && this.#listSubscribers.size === 0;
  }

  #stop(): void {
    this.#loop?.ending.abort();
    this.#loop = undefined;
  }

  #watch(): void {
    if (this.#loop !== undefined || this.#isClosed) return;
    const { changes, clock } = this.#options;
    const ending = new AbortController();
    const wake = new WakeSignal(clock);
    this.#loop = { ending, wake };
    this.#lookedAtAllMs = clock.now();
    const unsubscribe = changes.onChange((change) => this.#onChange(change));
    ending.signal.addEventListener('abort', unsubscribe, { once: true });
    void this.#lookUntil(ending.signal, wake);
  }

  #onChange(change: StoreChange): void {
    if (change.key === undefined) this.#isAllChanged = true;
    for (const [uri, { runId }] of this.#seen) {
      if (runId === undefined || runId === change.key?.runId) this.#changed.add(uri);
    }
    this.#isListChanged = this.#listSubscribers.size > 0;
    const isNews = this.#isAllChanged || this.#changed.size > 0 || this.#isListChanged;
    if (isNews) this.#loop?.wake.wake();
  }

  async #lookUntil(signal: AbortSignal, wake: WakeSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      await wake.wait(Math.max(0, this.#nextLookAtMs() - clock.now()), signal);
      try {
        if (!isOver()) await this.#look(signal);
      } catch (error) {
        logger.debug({ error: String(error) }, 'could not tell a subscriber of a change');
      }
      await clock.sleep(MIN_PAUSE_MS, signal);
    }
  }

  #nextLookAtMs(): number {
    const atMs = this.#lookedAtAllMs + LOOK_AGAIN_MS;
    return this.#isListChanged ? Math.min(atMs, this.#listLookedAtMs + MIN_LIST_PAUSE_MS) : atMs;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const nowMs = this.#options.clock.now();
    const isAll = this.#isAllChanged || nowMs - this.#lookedAtAllMs >= LOOK_AGAIN_MS;
    if (isAll) this.#lookedAtAllMs = nowMs;
    // Nobody announces a definition.
    if (isAll) this.#isListChanged = this.#listSubscribers.size > 0;
    const uris = isAll ? [...this.#seen.keys()] : [...this.#changed];
    this.#isAllChanged = false;
    this.#changed.clear();
    for (const uri of uris) {
      const fingerprint = await this.#options.resources.fingerprint(uri);
      const watched = this.#seen.get(uri);
      if (signal.aborted || watched === undefined || fingerprint === undefined) continue;
      if (fingerprint === watched.fingerprint) continue;
      watched.fingerprint = fingerprint;
      await this.#listener?.updated(uri);
    }
    if (!signal.aborted) await this.#lookAtList();
  }

  async #lookAtList(): Promise<void> {
    const { clock, resources } = this.#options;
    const isSoon = clock.now() - this.#listLookedAtMs < MIN_LIST_PAUSE_MS;
    if (this.#listSubscribers.size === 0 || !this.#isListChanged || isSoon) return;
    this.#listLookedAtMs = clock.now();
    this.#isListChanged = false;
    const fingerprint = await resources.listFingerprint();
    if (fingerprint === undefined || fingerprint === this.#seenList) return;
    this.#seenList = fingerprint;
    await this.#listener?.listChanged();
  }
}
