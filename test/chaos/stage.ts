import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { createRandom, type Random } from '../simulation/random.ts';
import { EarlierReads } from '../support/invariants.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { ChaosClient } from './chaos-client.ts';
import { examine, type Examination } from './examine.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { Fleet, ROLES, WORKERS, type Role } from './fleet.ts';
import { LagMeter } from './lag-meter.ts';
import { launchOf, type Launch } from './launch.ts';
import { LossWindows } from './loss-windows.ts';
import { longestRecoveryMs } from './recovery.ts';
import type { Figures } from './scenario.ts';

export type StoreKind = 'sqlite' | 'redis';

export const LEASE_MS = 1_000;
/** I11: work goes on within this beyond the lease, on a machine that does what is due when it is due. */
const RECOVERY_BOUND_MS = 2_000;
/** A lease of timers, several retries of the client, and the longest workflow one after the other. */
const SETTLE_LIMIT_MS = 60_000;

export interface StageOptions {
  /** A folder of its own; kept as evidence when something is wrong. */
  readonly folder: string;
  readonly program: string;
  readonly seed: number;
  readonly store: StoreKind;
  /** Where the database file is to be, if not in the folder. */
  readonly databaseFolder?: string;
  readonly redisSettings?: readonly string[];
  /** Another way to Redis than one proxy a process. */
  readonly storeUrl?: string;
  /** Faults take acknowledged writes with them, as documented. */
  readonly isLossy?: boolean;
  note(text: string): void;
}

/** A store, the processes on it, and a client that keeps them busy. */
export class Stage {
  readonly random: Random;
  readonly fleet: Fleet;
  readonly client: ChaosClient;
  readonly figures: Figures = {
    kills: 0,
    faults: 0,
    points: {},
    recoveryMs: 0,
    boundMs: 0,
    lost: 0,
  };
  readonly losses = new LossWindows();
  /** Broken promises, in words. */
  readonly violations: string[] = [];
  readonly notes: string[] = [];
  readonly options: StageOptions;
  readonly folder: string;
  readonly #redis: RedisServer | undefined;
  readonly #proxies: ReadonlyMap<Role, FaultProxy>;
  #reads = new EarlierReads();
  #last: Examination | undefined;

  private constructor(
    options: StageOptions,
    redis: RedisServer | undefined,
    proxies: ReadonlyMap<Role, FaultProxy>,
  ) {
    this.options = options;
    this.folder = options.folder;
    this.random = createRandom(options.seed);
    this.#redis = redis;
    this.#proxies = proxies;
    this.fleet = new Fleet((role) => launchOf(role, this.#placeOf(role)));
    this.client = new ChaosClient({
      random: this.random.fork(),
      logPath: join(this.folder, 'client.jsonl'),
      caller: () => this.fleet.server(),
      isLossy: options.isLossy === true,
    });
  }

  /** Everything runs, and the client begins. */
  static async open(options: StageOptions): Promise<Stage> {
    mkdirSync(options.folder, { recursive: true });
    const isOwnRedis = options.store === 'redis' && options.storeUrl === undefined;
    const redis = isOwnRedis ? await startRedisServer(...(options.redisSettings ?? [])) : undefined;
    const proxies = new Map<Role, FaultProxy>();
    if (redis)
      for (const role of ROLES) proxies.set(role, await startFaultProxy(socketOf(redis.url)));
    const stage = new Stage(options, redis, proxies);
    try {
      // The first makes the store.
      await stage.fleet.start('server');
      await Promise.all(WORKERS.map((role) => stage.fleet.start(role)));
      await stage.client.register();
      stage.client.begin();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('there is no Redis of this stage');
    return this.#redis;
  }

  proxy(role: Role): FaultProxy {
    const proxy = this.#proxies.get(role);
    if (proxy === undefined) throw new Error('there is no proxy without Redis');
    return proxy;
  }

  get proxies(): readonly FaultProxy[] {
    return [...this.#proxies.values()];
  }

  /** Of a further process on the same store. */
  launchOf(name: string): Launch {
    return launchOf(name, this.#placeOf('server'));
  }

  trapFileOf(role: Role): string {
    return join(this.folder, `trap-${role}.json`);
  }

  note(text: string): void {
    this.options.note(text);
  }

  /** What is read from now on may contradict what was read before: acknowledged writes are gone. */
  forgetReads(): void {
    this.#reads = new EarlierReads();
    this.client.lookAgain();
  }

  /**
   * Faults are over: waits until all that was begun has ended, then checks everything. Counts the time from now until
   * work went on against the bound.
   */
  async settle(): Promise<void> {
    await this.fleet.untilReady();
    const healedAtMs = Date.now();
    const meter = new LagMeter();
    const isSettled = await this.client.settle(SETTLE_LIMIT_MS);
    const lagMs = meter.stop();
    await this.fleet.untilNoOrphans();
    if (!isSettled)
      this.violations.push(`I1: not over after ${SETTLE_LIMIT_MS} ms: ${this.client.unsettled()}`);
    const { facts } = await this.check(isSettled);
    this.#judgeRecovery(longestRecoveryMs(facts, { healedAtMs, leaseMs: LEASE_MS }), lagMs);
    for (const complaint of [
      ...this.client.complaints.splice(0),
      ...this.fleet.complaints.splice(0),
    ])
      this.violations.push(complaint);
  }

  /** Looks at everything without waiting; what is under way may be unfinished. */
  async check(isSettled: boolean): Promise<Examination> {
    const store = await this.openStore();
    try {
      const found = await examine({
        store,
        folder: this.folder,
        intents: this.client.intents,
        earlierReads: this.#reads,
        losses: this.losses,
        isSettled,
      });
      this.#last = found;
      this.figures.lost = found.lost;
      for (const { invariant, runId, message } of found.violations)
        this.violations.push(`${invariant}: run ${runId}: ${message}`);
      this.#keepHistories(found);
      return found;
    } finally {
      await store.close();
    }
  }

  /** The store is gone when somebody looks at the evidence. */
  #keepHistories({ violations, facts }: Examination): void {
    const named = new Set(violations.map(({ runId }) => runId));
    for (const { key, texts, openWork } of facts)
      if (named.has(key.runId))
        writeFileSync(
          join(this.folder, `history-${key.runId}.jsonl`),
          [...texts, JSON.stringify(openWork)].join('\n'),
        );
  }

  get last(): Examination | undefined {
    return this.#last;
  }

  openStore(): Promise<Store> {
    const ids = randomIdSource;
    const logger = silentLogger;
    if (this.options.store === 'sqlite')
      return openSqliteStore({ path: this.#databasePath(), clock: systemClock, ids, logger });
    const url = this.options.storeUrl ?? this.redis.url;
    return createRedisStore({ url, ids, logger });
  }

  /** Ends all processes, whatever they do. The folder stays. */
  async close(): Promise<void> {
    this.client.stop();
    await this.fleet.end();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await this.#redis?.remove();
    if (this.violations.length > 0)
      writeFileSync(join(this.folder, 'violations.txt'), `${this.violations.join('\n')}\n`);
  }

  /** At once, without waiting. */
  endNow(): void {
    this.fleet.endNow();
  }

  #judgeRecovery(recoveryMs: number, lagMs: number): void {
    // The lag is seen by one process here and may come twice over there: to the one that dies, to the one that goes on.
    const boundMs = Math.round(RECOVERY_BOUND_MS + 2 * lagMs);
    const isLongest = recoveryMs >= this.figures.recoveryMs;
    if (isLongest) Object.assign(this.figures, { recoveryMs, boundMs });
    if (recoveryMs > boundMs)
      this.violations.push(
        `I11: work went on ${recoveryMs} ms beyond the lease (bound ${boundMs})`,
      );
  }

  #databasePath(): string {
    return join(this.options.databaseFolder ?? this.folder, 'baton.db');
  }

  #placeOf(role: Role) {
    const { program, store, storeUrl } = this.options;
    const url = (): string => storeUrl ?? this.proxy(role).url;
    return {
      program,
      folder: this.folder,
      store: store === 'sqlite' ? this.#databasePath() : url(),
      leaseMs: LEASE_MS,
      trapFile: store === 'sqlite' ? this.trapFileOf(role) : undefined,
    };
  }
}

function socketOf(url: string): string {
  return url.replace('unix://', '');
}
