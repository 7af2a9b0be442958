import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import { createRandom } from '../simulation/random.ts';
import { checkInvariants, EarlierReads, type SinkEntry } from '../support/invariants.ts';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { startBatonProcess, type BatonProcess } from './baton-process.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/main.js');
const KILLS = 5;
/** Started anew before each kill. */
const RUNS_AT_ONCE = 3;
const STEPS = ['first', 'left', 'right', 'last'];

/** Each step appends what a deduplicating sink would need to know. */
const EFFECT =
  'printf \'{"runId":"%s","step":"%s","attempt":%s,"idempotencyKey":"%s"}\\n\' "$BATON_RUN_ID" "$BATON_STEP" "$BATON_ATTEMPT" "$BATON_IDEMPOTENCY_KEY" >> sink.jsonl';
const command = `{ command: [sh, -c, ${JSON.stringify(EFFECT)}] }`;
const DEFINITION = `
name: shared
steps:
  - { id: first, uses: shell, with: ${command} }
  - { id: left, uses: shell, needs: [first], with: ${command} }
  - { id: right, uses: shell, needs: [first], with: ${command} }
  - { id: pause, uses: wait, needs: [left], with: { for: 50ms } }
  - { id: last, uses: shell, needs: [pause, right], with: ${command} }
`;

/** `baton worker`, whose supervisor starts another process in the place of one that is killed. */
class WatchedWorker {
  readonly #supervisor: ChildProcess;
  #output = '';
  #started = 0;

  constructor(cwd: string, env: Record<string, string>) {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    this.#supervisor = spawn(process.execPath, [MAIN, 'worker', '--json'], {
      ...{ cwd, env: { PATH: process.env['PATH'] ?? '', ...env } },
      stdio: [...stdio],
    });
    this.#supervisor.stdout?.on('data', (chunk: Buffer) => (this.#output += String(chunk)));
  }

  /** Of the next process that serves. */
  async pid(): Promise<number> {
    const line = (): string | undefined => this.#output.split('\n').slice(0, -1)[this.#started];
    while (line() === undefined && this.#supervisor.stdout !== null)
      await once(this.#supervisor.stdout, 'data');
    const { pid } = JSON.parse(line() ?? '') as { pid: number }; // its documented form
    this.#started += 1;
    return pid;
  }

  /** Drained; answers the exit code. */
  async stop(): Promise<unknown> {
    const closed = once(this.#supervisor, 'close');
    this.#supervisor.kill('SIGTERM');
    const [code] = (await closed) as unknown[]; // of any event
    return code;
  }

  abandon(): void {
    // Its worker ends when it is gone.
    this.#supervisor.kill('SIGKILL');
  }
}

describe.skipIf(missingRedis !== undefined)(redisSuite('processes on one Redis'), () => {
  let redis: RedisServer;
  let folder: string;
  let environment: Record<string, string>;
  let workers: WatchedWorker[];
  let server: BatonProcess;

  beforeEach(async () => {
    redis = await startRedisServer();
    folder = mkdtempSync(join(tmpdir(), 'baton-shared-'));
    environment = {
      HOME: folder,
      BATON_STORE: redis.url,
      BATON_LOG_FILE: join(folder, 'baton.log'),
      BATON_WORKSPACE: folder,
      BATON_SHELL_ALLOW: 'sh',
      BATON_WORKER_LEASE_DURATION_MS: '1000',
    };
    workers = [1, 2].map(() => new WatchedWorker(folder, environment));
    server = await startBatonProcess(environment);
  });
  afterEach(async () => {
    for (const worker of workers) worker.abandon();
    await server.close().catch(() => undefined);
    await redis.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const sink = (): SinkEntry[] => {
    const path = join(folder, 'sink.jsonl');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => ({
      ...{ tenant: 'default', input: null, atMs: 0 },
      ...(JSON.parse(line) as Pick<SinkEntry, 'runId' | 'step' | 'attempt' | 'idempotencyKey'>), // written by EFFECT
    }));
  };

  /** Resolves when the sink has seen so many effects. */
  async function effects(count: number): Promise<void> {
    const watcher = watch(folder);
    while (sink().length < count) await once(watcher, 'change');
    watcher.close();
  }

  async function start(key: string): Promise<string> {
    const call = { workflow: 'shared', idempotency_key: key };
    const started = await server.call('start_workflow', call);
    if (started.isError) throw new Error(started.text);
    return String(started.structured['run_id']);
  }

  async function finished(runId: string): Promise<unknown> {
    for (let cursor: unknown; ;) {
      const more = cursor === undefined ? {} : { cursor };
      const call = { run_id: runId, wait_seconds: 20, ...more };
      const seen = await server.call('await_workflow', call);
      if (seen.isError) throw new Error(seen.text);
      cursor = seen.structured['next_cursor'];
      if (seen.structured['finished'] === true) return seen.structured['status'];
    }
  }

  it(`share the work: of ${KILLS} killed with SIGKILL none takes a run with it, and each step is recorded once`, async () => {
    const random = createRandom(20_261_121);
    const registered = await server.call('register_workflow', { definition: DEFINITION });
    expect(registered.isError).toBe(false);
    const pids = await Promise.all(workers.map((worker) => worker.pid()));
    const runIds: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = sink().length;
      for (let run = 0; run < RUNS_AT_ONCE; run += 1) runIds.push(await start(`${kill}-${run}`));
      await effects(before + random.int(1, RUNS_AT_ONCE * STEPS.length - 2));
      // The server first, so that it is killed in any case.
      const victim = kill === 0 ? 2 : random.int(0, 2);
      const worker = workers[victim];
      if (worker === undefined) {
        await server.kill();
        server = await startBatonProcess(environment);
      } else {
        process.kill(pids[victim] ?? 0, 'SIGKILL');
        pids[victim] = await worker.pid();
      }
    }
    const statuses = await Promise.all(runIds.map(finished));
    expect(statuses).toEqual(runIds.map(() => 'completed'));
    expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0]);
    await server.close();
    await expectRecordedOnce(runIds);
  }, 60_000);

  async function expectRecordedOnce(runIds: readonly string[]): Promise<void> {
    const ports = { ids: randomIdSource, logger: silentLogger };
    const store = await createRedisStore({ url: redis.url, ...ports });
    try {
      const sinkLog = sink();
      const evidence = { store, sinkLog, clientLog: [], isSettled: true };
      expect(await checkInvariants({ ...evidence, earlierReads: new EarlierReads() })).toEqual([]);
      const performers = new Set<string>();
      for (const runId of runIds) {
        const texts = await store.readHistory({ tenant: 'default', runId }, 1, 1_000);
        const ends = texts
          .map((text) => readEvent(text).body)
          .filter((event) => event.type === 'StepCompleted');
        expect(ends.map(({ step }) => step).sort()).toEqual([...STEPS, 'pause'].sort());
        for (const { worker } of ends) if (worker !== undefined) performers.add(worker);
        // Every step had its effect, all attempts under one key.
        const own = sinkLog.filter((effect) => effect.runId === runId);
        expect(new Set(own.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(STEPS.length);
      }
      expect(performers.size).toBeGreaterThan(1);
    } finally {
      await store.close();
    }
  }
});
