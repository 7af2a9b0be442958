import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../../src/application/engine/engine.ts';
import { countFinished } from '../../src/application/engine/finished-count.ts';
import { createGetActivity, type Activity } from '../../src/application/health/get-activity.ts';
import { createInstallation, settled, TestProcess, until } from '../support/application.ts';
import { begun, FakeHandler } from '../support/fake-worker.ts';
import { cancel, work, workflow } from '../support/given.ts';

let here: TestProcess;
let handler: FakeHandler;
let engine: Engine;

beforeEach(() => {
  here = new TestProcess(createInstallation());
  handler = new FakeHandler();
  const { store, runs, clock, ids, logger } = here;
  const { execute, finished } = countFinished(here.execute);
  engine = createEngine({
    ...{ store, runs, clock, ids, logger, execute, finished },
    loadProbe: {
      sample: () => ({ eventLoopUtilisation: 0, cpuLoadPerQuotaCore: 0, memoryPressure: 0 }),
    },
    handlers: [handler],
    process: { pid: 42, host: 'laptop', cores: 2 },
    config: {
      concurrency: 20,
      leaseDurationMs: 9_000,
      retention: { keepMs: 86_400_000, keepRuns: 1_000 },
    },
  });
});

async function activity(tenant = 'default'): Promise<Activity> {
  const { store, execute, runs, plans, clock, ids } = here;
  const repositories = { read: () => Promise.reject(new Error('no repository here')) };
  // Of its ports a sample reads the store and the clock only.
  const ports = { store, execute, runs, plans, clock, ids, workspace: '/', repositories } as never;
  const sample = await createGetActivity(ports)(
    { ...LOCAL_CALLER, tenant, actor: 'cli', causationId: 'test' },
    {},
  );
  if (!sample.ok) throw new Error(sample.error.message);
  return sample.value;
}

const stop = () => settled(here.clock, engine.stop({ graceMs: 0 }));

describe('a sample of what goes on', () => {
  it('tells who holds what, the longest first and of each worker at most 16', async () => {
    engine.start();
    const key = await here.start(workflow([work('first')]));
    await begun(here, handler, 1);
    await here.clock.advance(2_000);
    await here.start(workflow(Array.from({ length: 19 }, (_, at) => work(`s${at}`))));
    await begun(here, handler, 20);
    await here.clock.advance(5_000);
    const { leases, workers } = await activity();
    expect(leases).toHaveLength(16);
    const [longest] = leases;
    expect(longest).toMatchObject({ runId: key.runId, step: 'first', workerId: engine.workerId });
    expect(longest?.heldMs).toBeGreaterThanOrEqual(7_000);
    expect(workers).toMatchObject([{ busy: 20, limit: 20 }]);
    expect((await activity('other')).leases).toEqual([]);
    await stop();
  });

  it('gives what was finished in a second, over the last five, however it ended', async () => {
    engine.start();
    await here.clock.advance(0);
    expect((await activity()).rates).toBeUndefined();
    handler.immediate = ({ step }) =>
      step === 'bad'
        ? { kind: 'failed', error: { code: 'exit_1', message: 'it broke' } }
        : { kind: 'completed', output: null };
    for (const step of ['a', 'b', 'c', 'bad']) await here.start(workflow([work(step)]));
    handler.immediate = undefined;
    const cancelled = await here.start(workflow([work('d')]));
    await begun(here, handler, 5);
    await here.send(cancelled, cancel);
    await here.clock.advance(200);
    await until(here.clock, async () => (await here.status(cancelled)) === 'cancelled');
    await here.clock.advance(5_000);
    const { rates, workers } = await activity();
    expect(workers[0]?.finished).toMatchObject({ steps: 4, runs: 5 });
    expect(rates?.steps).toBeCloseTo(4 / 5, 1);
    expect(rates?.runs).toBeCloseTo(5 / 5, 1);
    await here.clock.advance(5_000);
    expect((await activity()).rates).toEqual({ steps: 0, runs: 0 });
    await stop();
    expect((await activity()).rates).toBeUndefined();
  });

  it('of a worker of an earlier version has what that says', async () => {
    const { clock } = here;
    const startedAtMs = clock.now();
    const known = { workerId: 'w', queues: [], pid: 1, host: 'h', busy: 1, limit: 1, startedAtMs };
    await here.store.setValue('workers', 'w', known);
    expect(await activity()).toMatchObject({ workers: [known], leases: [], rates: undefined });
  });

  it('says so when the store does not answer', async () => {
    here.inject('listValues', 'fail', 9);
    await expect(activity()).rejects.toThrow('The store did not answer');
  });
});
