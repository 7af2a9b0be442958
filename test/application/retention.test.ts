import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runRetention, type RetentionRule } from '../../src/application/engine/retention.ts';
import { createInstallation, settled, TestProcess } from '../support/application.ts';
import { pass, work, workflow } from '../support/given.ts';

const MINUTE_MS = 60_000;
const done = workflow([pass('a')]);
let here: TestProcess;
let stop: AbortController;
let ended: Promise<void>;

function retain(rule: RetentionRule): void {
  const { store, clock, logger } = here;
  ended = runRetention({ store, clock, logger, rule, signal: stop.signal });
}

async function kept(): Promise<number> {
  return (await here.store.scanRuns(1_000)).keys.length;
}

beforeEach(() => {
  here = new TestProcess(createInstallation());
  stop = new AbortController();
  ended = Promise.resolve();
});

afterEach(async () => {
  stop.abort();
  await settled(here.clock, ended);
});

describe('retention', () => {
  it('removes finished runs that are older than the rule, and leaves running ones', async () => {
    await here.start(done);
    const running = await here.start(workflow([work('a')]));
    retain({ keepMs: 10 * MINUTE_MS, keepRuns: 100 });
    await here.clock.advance(9 * MINUTE_MS);
    expect(await kept()).toBe(2);
    await here.clock.advance(2 * MINUTE_MS);
    expect((await here.store.scanRuns(10)).keys).toEqual([running]);
  });

  it('removes finished runs beyond the number to keep, in batches with short pauses', async () => {
    for (let count = 0; count < 120; count += 1) await here.start(done);
    retain({ keepMs: 1_000 * MINUTE_MS, keepRuns: 5 });
    await here.clock.advance(MINUTE_MS);
    expect(await kept()).toBe(70);
    await here.clock.advance(5);
    expect(await kept()).toBe(20);
    await here.clock.advance(5);
    expect(await kept()).toBe(5);
  });

  it('leaves the store to others for as long as a batch took', async () => {
    for (let count = 0; count < 70; count += 1) await here.start(done);
    const purge = here.store.purgeFinished.bind(here.store);
    here.store.purgeFinished = async (rule) => {
      await here.clock.sleep(300, stop.signal);
      return purge(rule);
    };
    retain({ keepMs: 1_000 * MINUTE_MS, keepRuns: 5 });
    await here.clock.advance(MINUTE_MS + 300);
    expect(await kept()).toBe(20);
    await here.clock.advance(599);
    expect(await kept()).toBe(20);
    await here.clock.advance(1);
    expect(await kept()).toBe(5);
  });

  it('waits for a store that is away', async () => {
    await here.start(done);
    here.inject('purgeFinished', 'fail');
    retain({ keepMs: 0, keepRuns: 0 });
    await here.clock.advance(MINUTE_MS);
    expect(await kept()).toBe(1);
    await here.clock.advance(MINUTE_MS);
    expect(await kept()).toBe(0);
  });

  it('ends in a defect instead of hiding it', async () => {
    const defect = new Error('a bug');
    here.store.purgeFinished = async () => {
      throw defect;
    };
    retain({ keepMs: 0, keepRuns: 0 });
    const failed = expect(ended).rejects.toBe(defect);
    await here.clock.advance(MINUTE_MS);
    await failed;
    ended = Promise.resolve();
  });
});
