import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunKey } from '../../src/ports/run-store.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  until,
  type Installation,
} from '../support/application.ts';
import {
  begun,
  FakeHandler,
  LEASE_MS,
  startWorker,
  type TestWorker,
} from '../support/fake-worker.ts';
import { work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let handler: FakeHandler;
const workers: TestWorker[] = [];

function worker(options: Parameters<typeof startWorker>[1] = {}, process = here): TestWorker {
  const started = startWorker(process, { handler, ...options });
  workers.push(started);
  return started;
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `s${at}`);
const wide = (count: number) => workflow(ids(count).map((id) => work(id)));
const chain = workflow([work('a'), work('b', { needs: ['a'] }), work('c', { needs: ['b'] })]);

function finished(key: RunKey): Promise<void> {
  return until(here.clock, async () => (await here.status(key)) === 'completed');
}

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  handler = new FakeHandler();
});

afterEach(async () => {
  for (const { stop } of workers.splice(0)) await stop().catch(() => undefined);
});

describe('claiming', () => {
  it('takes tasks of the queues that the handlers serve, and no others', async () => {
    const key = await here.start(
      workflow([work('ours'), work('theirs', { with: { command: ['git'] } })]),
    );
    worker();
    await begun(here, handler, 1);
    await here.clock.advance(30_000);
    expect(handler.steps()).toEqual(['ours']);
    expect((await here.store.openWork(key)).tasks).toMatchObject([
      { slot: 'ours' },
      { slot: 'theirs', deliveries: 0 },
    ]);
  });

  it('is woken by a new run', async () => {
    worker();
    await here.clock.advance(0);
    const key = await here.start(workflow([work('a')]));
    await begun(here, handler, 1);
    handler.attempt('a').complete({ done: true });
    await finished(key);
    expect(await here.step(key, 'a')).toMatchObject({ output: { done: true }, worker: 'w1' });
  });

  it('never holds more tasks than its limit', async () => {
    await here.start(wide(5));
    const { worker: held } = worker({ limit: 2 });
    await begun(here, handler, 2);
    await here.clock.advance(1_000);
    expect([handler.attempts.length, held.busySlots]).toEqual([2, 2]);
    handler.attempt('s0').complete();
    await begun(here, handler, 3);
    expect(held.busySlots).toBe(2);
  });

  it('uses a raised limit when something wakes it, and claims nothing at limit 0', async () => {
    await here.start(wide(3));
    const started = worker({ limit: 0 });
    await here.clock.advance(20_000);
    expect(handler.attempts).toHaveLength(0);
    started.limit.current = 3;
    await here.clock.advance(5_000);
    expect(handler.attempts).toHaveLength(3);
  });

  it('ends at once for a worker that serves no queue', async () => {
    handler = new FakeHandler([]);
    await worker().ended;
    expect(here.clock.sleeping()).toBe(0);
  });

  it('waits out a store that is away', async () => {
    await here.start(workflow([work('a')]));
    here.inject('claimTasks', 'fail', 3);
    worker();
    await here.clock.advance(2_000);
    expect(handler.steps()).toEqual(['a']);
    expect(here.log.filter(({ level }) => level === 'warn')).not.toEqual([]);
  });

  it('takes over the task of a worker that vanished, when the lease ends', async () => {
    const key = await here.start(workflow([work('a')]));
    const gone = new TestProcess(installation);
    await gone.store.claimTasks({
      owner: 'dead',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: LEASE_MS,
    });
    worker();
    await here.clock.advance(LEASE_MS - 1);
    expect(handler.attempts).toHaveLength(0);
    await here.clock.advance(1);
    await begun(here, handler, 1);
    handler.attempt('a').complete();
    await finished(key);
  });
});

describe('handing on', () => {
  it('runs a chain of three steps with one claim and three commits', async () => {
    const key = await here.start(chain);
    const commits = here.commits.length;
    let claimed = 0;
    const { store } = here;
    const claimTasks = store.claimTasks.bind(store);
    store.claimTasks = async (request) => {
      const answer = await claimTasks(request);
      claimed += answer.work.length;
      return answer;
    };
    handler.immediate = ({ step }) => ({ kind: 'completed', output: step });
    worker();
    await finished(key);
    expect(handler.steps()).toEqual(['a', 'b', 'c']);
    expect([claimed, here.commits.length - commits]).toEqual([1, 3]);
  });

  it('stops when the worker stops claiming: the next step goes to the queue', async () => {
    const key = await here.start(chain);
    const { stopClaiming, ended } = worker();
    await begun(here, handler, 1);
    stopClaiming();
    handler.attempt('a').complete();
    await settled(here.clock, ended);
    expect(handler.steps()).toEqual(['a']);
    expect((await here.store.openWork(key)).tasks).toMatchObject([{ slot: 'b', deliveries: 0 }]);
  });

  it('gives a task back, uncounted, whose claim was under way at the shutdown', async () => {
    const key = await here.start(chain);
    const answer = here.hold('claimTasks');
    const { stopClaiming, shutDown, ended } = worker();
    await here.clock.advance(0);
    stopClaiming();
    shutDown();
    answer();
    await settled(here.clock, ended);
    expect(handler.attempts).toHaveLength(0);
    expect((await here.store.openWork(key)).tasks).toMatchObject([{ slot: 'a', deliveries: 0 }]);
  });
});

describe('stopping', () => {
  it('lets running steps finish before it ends', async () => {
    const key = await here.start(wide(2));
    const { stopClaiming, ended } = worker({ limit: 1 });
    await begun(here, handler, 1);
    stopClaiming();
    await here.clock.advance(60_000);
    handler.attempt('s0').complete();
    await settled(here.clock, ended);
    expect((await here.step(key, 's0')).status).toBe('completed');
    expect(handler.attempts).toHaveLength(1);
  });

  it('on shutdown gives tasks back with their heartbeat, the delivery uncounted', async () => {
    const key = await here.start(workflow([work('a')]));
    const { stop } = worker();
    await begun(here, handler, 1);
    handler.attempt('a').context.heartbeat({ page: 3 });
    await stop();
    expect(handler.attempt('a').context.signal.aborted).toBe(true);
    const { tasks } = await here.store.openWork(key);
    expect(tasks).toMatchObject([{ slot: 'a', attempt: 1, deliveries: 0, heartbeat: { page: 3 } }]);
    expect(tasks[0]?.lease).toBeUndefined();
    expect(await here.types(key)).toEqual(['WorkflowStarted', 'StepsScheduled']);
  });

  it('on shutdown with the store away leaves the task to its lease', async () => {
    const key = await here.start(workflow([work('a')]));
    const { stop } = worker();
    await begun(here, handler, 1);
    here.inject('release', 'fail');
    await stop();
    expect((await here.store.openWork(key)).tasks[0]?.lease).toBeDefined();
    await here.clock.advance(LEASE_MS);
    worker({ owner: 'w2' });
    await begun(here, handler, 2);
  });

  it('gives what it resumed from to the next worker', async () => {
    await here.start(workflow([work('a')]));
    const first = worker();
    await begun(here, handler, 1);
    handler.attempt('a').context.heartbeat({ page: 3 });
    await first.stop();
    worker({ owner: 'w2' });
    await begun(here, handler, 2);
    expect(handler.attempt('a').context).toMatchObject({ attempt: 1, lastHeartbeat: { page: 3 } });
  });
});
