import { beforeEach, describe, expect, it } from 'vitest';
import { listWorkers, runPresence } from '../../src/application/engine/worker-presence.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  type Installation,
} from '../support/application.ts';

let installation: Installation;
let here: TestProcess;
let busy = 0;

const describeWorker = () => ({
  workerId: 'w1',
  queues: ['shell:true'],
  pid: 1,
  host: 'h',
  busy,
  limit: 4,
  startedAtMs: 7,
});

function announce(process = here): { stop: () => Promise<void> } {
  const stop = new AbortController();
  const { store, clock, logger } = process;
  const ended = runPresence({
    store,
    clock,
    logger,
    signal: stop.signal,
    describe: describeWorker,
  });
  return {
    stop: () => {
      stop.abort();
      return settled(clock, ended);
    },
  };
}

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  busy = 0;
});

describe('the presence of a worker', () => {
  it('is seen by every process, and kept up to date', async () => {
    const { stop } = announce();
    await here.clock.advance(0);
    const other = new TestProcess(installation);
    expect(await listWorkers(other.store)).toEqual([describeWorker()]);
    busy = 3;
    await here.clock.advance(5_000);
    expect(await listWorkers(other.store)).toMatchObject([{ busy: 3 }]);
    await here.clock.advance(60_000);
    expect(await listWorkers(other.store)).toHaveLength(1);
    await stop();
    expect(await listWorkers(other.store)).toEqual([]);
  });

  it('fades within 15 s of the death of its process', async () => {
    const { stop } = announce();
    await here.clock.advance(0);
    here.inject('setValue', 'fail', 100);
    await here.clock.advance(14_999);
    expect(await listWorkers(here.store)).toHaveLength(1);
    await here.clock.advance(1);
    expect(await listWorkers(here.store)).toEqual([]);
    here.inject('deleteValue', 'fail');
    await stop();
    expect(here.log.map(({ message }) => message)).toContain('could not announce this worker');
  });

  it('of a shape that is not known is left out', async () => {
    await here.store.setValue('workers', 'w0', { workerId: 'w0' });
    const { stop } = announce();
    await here.clock.advance(0);
    expect((await listWorkers(here.store)).map(({ workerId }) => workerId)).toEqual(['w1']);
    await stop();
  });

  it('ends in a defect instead of hiding it', async () => {
    const defect = new Error('a bug');
    here.store.setValue = async () => {
      throw defect;
    };
    const { stop } = announce();
    await expect(stop()).rejects.toBe(defect);
  });
});
