import { beforeEach, describe, expect, it } from 'vitest';
import {
  createEngine,
  type Engine,
  type EngineConfig,
} from '../../src/application/engine/engine.ts';
import type { StepHandler } from '../../src/ports/step-handler.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  until,
  type Installation,
} from '../support/application.ts';
import { begun, FakeHandler } from '../support/fake-worker.ts';
import { retry, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let handler: FakeHandler;

const config: EngineConfig = {
  concurrency: 2,
  leaseDurationMs: 9_000,
  retention: { keepMs: 86_400_000, keepRuns: 1_000 },
};
const calm = { eventLoopUtilisation: 0, cpuLoadPerQuotaCore: 0, memoryPressure: 0 };

function engine(
  more: Partial<EngineConfig> = {},
  handlers: readonly StepHandler[] = [handler],
  process = here,
): Engine {
  return createEngine({
    store: process.store,
    execute: process.execute,
    runs: process.runs,
    clock: process.clock,
    ids: process.ids,
    logger: process.logger,
    loadProbe: { sample: () => calm },
    handlers,
    process: { pid: 42, host: 'laptop', cores: 2 },
    config: { ...config, ...more },
  });
}

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  handler = new FakeHandler();
});

const workers = async () => (await here.store.listValues('workers')).map(({ value }) => value);

describe('an engine', () => {
  it('runs a workflow with steps, retries and waits to its end', async () => {
    const one = engine();
    one.start();
    const key = await here.start(
      workflow([
        work('a', retry(2)),
        { id: 'w', uses: 'wait', with: { for: '1m' }, needs: ['a'] },
        work('b', { needs: ['w'] }),
      ]),
    );
    await begun(here, handler, 1);
    handler.attempt('a').fail();
    await here.clock.advance(1_000);
    await begun(here, handler, 2);
    handler.attempt('a').complete();
    await here.clock.advance(60_000);
    await begun(here, handler, 3);
    handler.attempt('b').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    await settled(here.clock, one.stop({ graceMs: 0 }));
    expect(here.clock.sleeping()).toBe(0);
  });

  it('announces its worker, what it does and may do, and takes that back at the end', async () => {
    const one = engine();
    one.start();
    await here.start(workflow([work('a')]));
    await begun(here, handler, 1);
    await here.clock.advance(5_000);
    expect(one.workerId).toMatch(/^laptop-42-[a-z0-9]{6}$/);
    expect(await workers()).toMatchObject([
      {
        workerId: one.workerId,
        queues: ['shell:true'],
        pid: 42,
        host: 'laptop',
        busy: 1,
        limit: 2,
      },
    ]);
    await settled(here.clock, one.stop({ graceMs: 0 }));
    expect(await workers()).toEqual([]);
  });

  it('without handlers claims no steps and announces no worker, but fires timers', async () => {
    const one = engine({}, []);
    one.start();
    const key = await here.start(
      workflow([work('a'), { id: 'w', uses: 'wait', with: { for: '1s' } }]),
    );
    await here.clock.advance(20_000);
    expect((await here.step(key, 'w')).status).toBe('completed');
    expect((await here.step(key, 'a')).status).toBe('scheduled');
    expect(await workers()).toEqual([]);
    await settled(here.clock, one.stop({ graceMs: 0 }));
  });

  it('gives running steps their grace at the end, and no more', async () => {
    const key = await here.start(workflow([work('quick'), work('slow')]));
    const one = engine();
    one.start();
    await begun(here, handler, 2);
    const stopped = one.stop({ graceMs: 1_000 });
    await here.clock.advance(500);
    handler.attempt('quick').complete();
    await here.clock.advance(499);
    expect(handler.attempt('slow').context.signal.aborted).toBe(false);
    await settled(here.clock, stopped);
    expect(handler.attempt('slow').context.signal.reason).toBe('shutdown');
    expect((await here.step(key, 'quick')).status).toBe('completed');
    expect((await here.store.openWork(key)).tasks).toMatchObject([{ slot: 'slow', deliveries: 0 }]);
  });

  it('ends before the grace is over when nothing runs any more', async () => {
    const one = engine();
    one.start();
    await here.clock.advance(0);
    const beforeMs = here.clock.now();
    await settled(here.clock, one.stop({ graceMs: 60_000 }));
    expect(here.clock.now() - beforeMs).toBeLessThan(1_000);
  });

  it('has ended when it was stopped', async () => {
    const one = engine();
    one.start();
    await settled(here.clock, one.stop({ graceMs: 0 }));
    await one.ended;
  });

  it('can be stopped before it was started', async () => {
    await settled(here.clock, engine().stop({ graceMs: 10 }));
  });

  it('that ends in a defect says so at once and when it is stopped', async () => {
    const defect = new Error('a bug');
    here.store.claimEngineWork = async () => {
      throw defect;
    };
    const one = engine();
    one.start();
    await here.clock.advance(0);
    expect(here.log).toContainEqual({
      level: 'error',
      message: 'an engine loop ended in a defect',
    });
    await expect(one.ended).rejects.toBe(defect);
    await expect(settled(here.clock, one.stop({ graceMs: 0 }))).rejects.toBe(defect);
  });
});

describe('an engine whose store', () => {
  const running = async (): Promise<Engine> => {
    const one = engine();
    one.start();
    await here.start(workflow([work('a')]));
    await begun(here, handler, 1);
    return one;
  };

  it.each(['renew', 'claimTasks', 'claimEngineWork'] as const)(
    'never answers a call of %s has stalled',
    async (operation) => {
      const one = await running();
      const answer = here.hold(operation);
      await here.clock.advance(9_000);
      expect(one.isStalled).toBe(false);
      await here.clock.advance(10_000);
      expect(one.isStalled).toBe(true);
      answer();
      await here.clock.advance(0);
      expect(one.isStalled).toBe(false);
      await settled(here.clock, one.stop({ graceMs: 0 }));
    },
  );

  it('is away has not: each call fails, and the loops go on', async () => {
    const one = await running();
    for (const operation of ['renew', 'claimTasks', 'claimEngineWork'] as const)
      here.inject(operation, 'fail', 500);
    for (let second = 0; second < 60; second += 1) {
      await here.clock.advance(1_000);
      expect(one.isStalled).toBe(false);
    }
    await settled(here.clock, one.stop({ graceMs: 0 }));
  });
});

describe('the number of steps at once', () => {
  const wide = workflow(Array.from({ length: 40 }, (_, at) => work(`s${at}`)));

  it('is fixed where the configuration fixes it', async () => {
    await here.start(wide);
    const one = engine({ concurrency: 3 });
    one.start();
    await here.clock.advance(30_000);
    expect(handler.attempts).toHaveLength(3);
    await settled(here.clock, one.stop({ graceMs: 0 }));
  });

  it('begins at two a core and grows on a calm machine to no more than four a core', async () => {
    await here.start(wide);
    const one = engine({ concurrency: 'auto' });
    one.start();
    await begun(here, handler, 4);
    expect(handler.attempts).toHaveLength(4);
    await here.clock.advance(120_000);
    expect(handler.attempts).toHaveLength(8);
    await settled(here.clock, one.stop({ graceMs: 0 }));
  });
});

describe('two engines', () => {
  it('go on with what the other left', async () => {
    const one = engine();
    one.start();
    const key = await here.start(workflow([work('a'), work('b', { needs: ['a'] })]));
    await begun(here, handler, 1);
    await settled(here.clock, one.stop({ graceMs: 0 }));
    const next = new TestProcess(installation);
    const two = engine({}, [handler], next);
    two.start();
    await begun(next, handler, 2);
    handler.attempt('a').complete();
    await begun(next, handler, 3);
    handler.attempt('b').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    await settled(here.clock, two.stop({ graceMs: 0 }));
    expect(handler.attempts.map(({ context }) => context.attempt)).toEqual([1, 1, 1]);
  });
});
