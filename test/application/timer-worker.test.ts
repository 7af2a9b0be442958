import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runTimerWorker } from '../../src/application/engine/timer-worker.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  until,
  type Installation,
} from '../support/application.ts';
import { cancel, fail, pass, retry, signal, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
const loops: { readonly stop: AbortController; readonly ended: Promise<void> }[] = [];

function runTimers(process = here, owner = 'timers', execute = process.execute): void {
  const stop = new AbortController();
  const { store, clock, logger } = process;
  const ended = runTimerWorker({ store, execute, clock, logger, owner, signal: stop.signal });
  loops.push({ stop, ended });
}

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
});

afterEach(async () => {
  for (const { stop, ended } of loops.splice(0)) {
    stop.abort();
    await settled(here.clock, ended);
  }
});

const wait = workflow([
  { id: 'w', uses: 'wait', with: { for: '1h' } },
  pass('b', { needs: ['w'] }),
]);

describe('the timer worker', () => {
  it('fires a timer when it is due and not a millisecond before', async () => {
    const key = await here.start(wait);
    runTimers();
    await here.clock.advance(3_599_999);
    expect(await here.status(key)).toBe('running');
    await here.clock.advance(1);
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    expect((await here.store.openWork(key)).timers).toEqual([]);
  });

  it('wakes for a timer that is set while it sleeps', async () => {
    runTimers();
    await here.clock.advance(1);
    const key = await here.start(workflow([{ id: 'w', uses: 'wait', with: { for: '5ms' } }]));
    await here.clock.advance(5);
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it('readies a step for its next attempt', async () => {
    const key = await here.start(workflow([work('a', retry(2))]));
    await here.send(key, fail('a'));
    runTimers();
    await here.clock.advance(1_000);
    await until(here.clock, async () => (await here.step(key, 'a')).attempt === 2);
    expect((await here.store.openWork(key)).tasks).toMatchObject([{ slot: 'a', attempt: 2 }]);
  });

  it('fires each timer once although two processes look for it', async () => {
    const other = new TestProcess(installation);
    const keys = await Promise.all([1, 2, 3].map(() => here.start(wait)));
    runTimers();
    runTimers(other, 'others');
    await here.clock.advance(3_600_000);
    for (const key of keys) {
      await until(here.clock, async () => (await here.status(key)) === 'completed');
      expect((await here.types(key)).filter((type) => type === 'StepCompleted')).toHaveLength(2);
    }
  });

  it('fires a timer again that another process took and died with', async () => {
    const key = await here.start(wait);
    await here.clock.advance(3_600_000);
    await here.store.claimEngineWork({ owner: 'dead', limit: 9, leaseDurationMs: 10_000 });
    runTimers();
    await here.clock.advance(9_999);
    expect(await here.status(key)).toBe('running');
    await here.clock.advance(1);
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it('reports a task as cancelled that nobody took before the run was cancelled', async () => {
    const key = await here.start(workflow([work('a'), work('b')]));
    await here.send(key, cancel);
    runTimers();
    await until(here.clock, async () => (await here.status(key)) === 'cancelled');
    expect((await here.step(key, 'a')).status).toBe('cancelled');
    expect((await here.store.openWork(key)).tasks).toEqual([]);
  });

  it('reports a task as cancelled whose worker vanished, when its lease ends', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.store.claimTasks({
      owner: 'dead',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: 5_000,
    });
    await here.send(key, cancel);
    runTimers();
    await here.clock.advance(4_999);
    expect(await here.status(key)).toBe('cancelling');
    await here.clock.advance(1);
    await until(here.clock, async () => (await here.status(key)) === 'cancelled');
  });

  it('drops work of a run that is gone', async () => {
    const key = await here.start(wait);
    await here.clock.advance(3_600_000);
    runTimers(here, 'timers', async () => ({ kind: 'unknownRun' }));
    await until(here.clock, async () => (await here.store.openWork(key)).timers.length === 0);
    expect(here.log).toContainEqual({ level: 'debug', message: 'dropped engine work' });
  });

  it('carries a large decision on to its end, commit by commit', async () => {
    const steps = Array.from({ length: 600 }, (_, index) => pass(`p${index}`));
    const key = await here.start(workflow(steps));
    expect(await here.status(key)).toBe('running');
    runTimers();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    expect(here.commits.length).toBe(3);
    expect((await here.store.openWork(key)).timers).toEqual([]);
  });

  it('goes on with other runs when one of them makes a defect', async () => {
    const broken = await here.start(wait);
    const fine = await here.start(wait);
    await here.clock.advance(3_600_000);
    runTimers(here, 'timers', async (key, envelope) => {
      if (key.runId === broken.runId) throw new Error('a bug');
      return here.execute(key, envelope);
    });
    await until(here.clock, async () => (await here.status(fine)) === 'completed');
    expect(here.log).toContainEqual({ level: 'error', message: 'engine work failed' });
    expect(await here.status(broken)).toBe('running');
  });

  it('leaves work to its lease while the run cannot be written, and does it later', async () => {
    const key = await here.start(wait);
    here.inject('commit', 'fail', 30);
    runTimers();
    await here.clock.advance(3_600_000 + 60_000);
    expect(await here.status(key)).toBe('completed');
  });

  it('waits out a store that cannot be asked', async () => {
    const key = await here.start(wait);
    here.inject('claimEngineWork', 'fail', 5);
    runTimers();
    await here.clock.advance(3_600_000);
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it('settles a timer whose commit was made but not answered', async () => {
    const key = await here.start(wait);
    runTimers();
    here.inject('commit', 'lose-reply');
    await here.clock.advance(3_600_000);
    await here.clock.advance(30_000);
    expect((await here.types(key)).filter((type) => type === 'StepCompleted')).toHaveLength(2);
    expect((await here.store.openWork(key)).timers).toEqual([]);
  });
});

describe('messages of one run to another', () => {
  /** No step kind sends messages yet: the commit that a later one makes, written by hand. */
  async function post(body: object | string, target = { tenant: 'default', runId: 'nowhere' }) {
    const sender = await here.start(workflow([work('a')]));
    const result = await here.store.commit({
      key: sender,
      expectedVersion: 2,
      commands: [{ id: 'post', answer: null }],
      events: [],
      enqueue: [],
      recall: [],
      timers: [],
      cancelTimers: [],
      messages: [{ messageId: 'm1', target, body: structuredClone(body) as never }],
    });
    expect(result.kind).toBe('committed');
    return sender;
  }
  const go = { type: 'SignalWorkflow', name: 'go', payload: { n: 1 } };
  const delivered = (sender: Awaited<ReturnType<typeof post>>) =>
    until(here.clock, async () => (await here.store.openWork(sender)).messages === 0);

  it('arrive as commands and leave the outbox', async () => {
    const target = await here.start(workflow([{ id: 's', uses: 'signal', with: { name: 'go' } }]));
    const sender = await post(go, target);
    runTimers();
    await delivered(sender);
    expect(await here.status(target)).toBe('completed');
    const [line] = (await here.store.readHistory(target, 3, 1)).map(
      (text) => JSON.parse(text) as object,
    );
    expect(line).toMatchObject({
      actor: `run:${sender.runId}`,
      commandId: 'message:m1',
      causationId: 'message:m1',
    });
  });

  it('arrive once although they are delivered twice', async () => {
    const target = await here.start(workflow([work('a')]));
    await here.send(target, signal('go'), { commandId: 'message:m1' });
    const sender = await post(go, target);
    runTimers();
    await delivered(sender);
    expect((await here.types(target)).filter((type) => type === 'SignalReceived')).toHaveLength(1);
  });

  it('to a run that does not exist, or refuses them, are dropped with a warning', async () => {
    const done = await here.start(workflow([pass('a')]));
    for (const sender of [await post(go), await post(go, done)]) {
      if (loops.length === 0) runTimers();
      await delivered(sender);
    }
    expect(
      here.log.filter(({ message }) => message === 'message could not be delivered'),
    ).toHaveLength(2);
  });

  it('that are no commands are dropped with an error', async () => {
    const sender = await post({ type: 'DropEverything' });
    runTimers();
    await delivered(sender);
    expect(here.log).toContainEqual({
      level: 'error',
      message: 'dropped a message that is no command',
    });
  });

  it('go back to the outbox while the target cannot be written', async () => {
    const target = await here.start(workflow([work('a')]));
    const sender = await post(go, target);
    here.inject('commit', 'fail', 30);
    runTimers();
    await here.clock.advance(60_000);
    await delivered(sender);
    expect(await here.types(target)).toContain('SignalReceived');
  });
});
