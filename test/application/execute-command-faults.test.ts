import { beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  type Installation,
} from '../support/application.ts';
import { cancel, complete, pause, resume, signal, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let other: TestProcess;

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  other = new TestProcess(installation);
});

const twoSteps = workflow([work('a'), work('b', { needs: ['a'] })]);

describe('another process', () => {
  it('that was faster makes the command be decided again on what it wrote', async () => {
    const key = await here.start(
      workflow([work('a'), work('b'), work('c', { needs: ['a', 'b'] })]),
    );
    await other.send(key, complete('a'));
    const outcome = await here.send(key, complete('b'));
    expect(outcome).toMatchObject({
      kind: 'committed',
      version: 5,
      events: [
        { type: 'StepCompleted' },
        { type: 'StepsScheduled', steps: [{ step: 'c', attempt: 1 }] },
      ],
    });
    expect(here.commits.slice(-2).map(({ expectedVersion }) => expectedVersion)).toEqual([2, 3]);
  });

  it('may have made possible what an old cache refuses', async () => {
    const key = await here.start(twoSteps);
    await other.send(key, complete('a'));
    expect(await here.send(key, complete('b'))).toMatchObject({ kind: 'committed' });
  });

  it('may have ended the run that an old cache still continues', async () => {
    const key = await here.start(workflow([work('a')]));
    await other.send(key, complete('a'));
    expect(await here.send(key, cancel)).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'already_finished' },
    });
  });

  it('that starts a run with the same key makes one run between them', async () => {
    const key: RunKey = { tenant: 'default', runId: 'same' };
    const outcomes = await Promise.all([
      here.startAs(key, twoSteps, {}, { digest: 'd', answer: { first: true } }),
      other.startAs(key, twoSteps, {}, { digest: 'd', answer: { first: true } }),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['committed', 'duplicate']);
    expect(outcomes.find(({ kind }) => kind === 'duplicate')).toMatchObject({
      answer: { first: true },
    });
    expect((await here.types(key)).filter((type) => type === 'WorkflowStarted')).toHaveLength(1);
  });
});

describe('a repeated command', () => {
  it('is answered as the first time, also after the run has moved on', async () => {
    const key: RunKey = { tenant: 'default', runId: 'k' };
    await here.startAs(key, twoSteps, {}, { digest: 'd' });
    await here.send(key, complete('a'));
    const again = await here.startAs(key, twoSteps, {}, { digest: 'd' });
    expect(again).toEqual({ kind: 'duplicate', answer: { version: 2 } });
    await here.send(key, complete('b'));
    const late = await new TestProcess(installation).startAs(key, twoSteps, {}, { digest: 'd' });
    expect(late).toEqual({ kind: 'duplicate', answer: { version: 2 } });
  });

  it('with another payload is refused', async () => {
    const key: RunKey = { tenant: 'default', runId: 'k' };
    await here.startAs(key, twoSteps, {}, { digest: 'd' });
    for (const process of [here, other])
      expect(await process.startAs(key, twoSteps, { changed: 1 }, { digest: 'e' })).toEqual({
        kind: 'keyReused',
      });
    await here.send(key, pause, { commandId: 'p', digest: '1' });
    expect(await here.send(key, resume, { commandId: 'p', digest: '2' })).toEqual({
      kind: 'keyReused',
    });
    expect(await here.status(key)).toBe('paused');
  });

  it('whose first reply was lost is a duplicate, and was applied once', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'lose-reply');
    const outcome = await settled(here.clock, here.send(key, signal('x'), { answer: { said: 1 } }));
    expect(outcome).toEqual({ kind: 'duplicate', answer: { said: 1 } });
    expect(await here.types(key)).toEqual(['WorkflowStarted', 'StepsScheduled', 'SignalReceived']);
  });

  it('that ended the run, with its first reply lost, is a duplicate and not "already finished"', async () => {
    const key = await here.start(workflow([work('a')]));
    here.inject('commit', 'lose-reply');
    const outcome = await settled(here.clock, here.send(key, complete('a')));
    expect(outcome).toMatchObject({ kind: 'duplicate' });
  });

  it('does not drag down the others of a commit whose reply was lost', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const rest = [here.send(key, signal('y')), here.send(key, signal('z'))];
    await here.clock.advance(0);
    release();
    await first;
    here.inject('commit', 'lose-reply');
    const outcomes = await settled(here.clock, Promise.all(rest));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['duplicate', 'duplicate']);
    expect((await here.types(key)).slice(2)).toEqual(Array(3).fill('SignalReceived'));
  });
});

describe('a store that is away', () => {
  it('for a moment is tried again', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 3);
    here.inject('load', 'fail');
    expect(await settled(here.clock, here.send(key, signal('x')))).toMatchObject({
      kind: 'committed',
    });
  });

  it('for good is reported after eight to nine seconds, and repeating with the same id settles it', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 1_000);
    here.inject('load', 'fail', 1_000);
    const startedMs = here.clock.now();
    const outcome = await settled(here.clock, here.send(key, signal('x'), { commandId: 'again' }));
    expect(outcome).toMatchObject({ kind: 'unavailable' });
    const tookMs = here.clock.now() - startedMs;
    expect(tookMs).toBeGreaterThanOrEqual(8_000);
    expect(tookMs).toBeLessThan(9_500);
    expect(await other.send(key, signal('x'), { commandId: 'again' })).toMatchObject({
      kind: 'committed',
    });
  });

  it('is not waited for long by whoever has a caller, who is told that it is not known what became of it', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 1_000);
    here.inject('load', 'fail', 1_000);
    const startedMs = here.clock.now();
    const sent = here.send(key, signal('x'), { hasCaller: true });
    expect(await settled(here.clock, sent)).toMatchObject({ kind: 'unavailable', isInDoubt: true });
    expect(here.clock.now() - startedMs).toBeLessThan(1_600);
  });

  it('keeps no caller waiting behind a command that nobody waits for', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 1_000);
    here.inject('load', 'fail', 1_000);
    const startedMs = here.clock.now();
    const patient = here.send(key, signal('x'));
    await here.clock.advance(0);
    const called = here.send(key, signal('y'), { hasCaller: true });
    expect(await settled(here.clock, called)).toMatchObject({
      kind: 'unavailable',
      isInDoubt: false,
    });
    expect(here.clock.now() - startedMs).toBeLessThan(1_600);
    await settled(here.clock, patient);
    expect(here.clock.now() - startedMs).toBeGreaterThanOrEqual(8_000);
  });

  it('tells a caller that nothing was changed where no try wrote, and asks again before', async () => {
    const key = await here.start(twoSteps);
    const { store } = here;
    const reason = 'locked';
    let asked = 0;
    store.commit = () => {
      asked += 1;
      return Promise.resolve({ kind: 'storeUnavailable', reason, isUnwritten: true });
    };
    const sent = here.send(key, signal('x'), { hasCaller: true });
    expect(await settled(here.clock, sent)).toEqual({
      kind: 'unavailable',
      reason,
      isInDoubt: false,
    });
    expect(asked).toBeGreaterThan(1);
  });

  it('stays in doubt where one of the tries may have written', async () => {
    const key = await here.start(twoSteps);
    const { store } = here;
    let asked = 0;
    store.commit = () => {
      asked += 1;
      const unavailable = { kind: 'storeUnavailable', reason: 'locked' } as const;
      return Promise.resolve(asked === 1 ? unavailable : { ...unavailable, isUnwritten: true });
    };
    const sent = here.send(key, signal('x'), { hasCaller: true });
    expect(await settled(here.clock, sent)).toMatchObject({ kind: 'unavailable', isInDoubt: true });
    expect(asked).toBeGreaterThan(1);
  });

  it('and refuses what is sent is not asked again by whoever has a caller, and nothing is in doubt', async () => {
    const key = await here.start(twoSteps);
    const { store } = here;
    const asked: string[] = [];
    store.commit = (request) => {
      asked.push(request.key.runId);
      return Promise.resolve({ kind: 'storeUnavailable', reason: 'away', isUnsent: true });
    };
    const sent = here.send(key, signal('x'), { hasCaller: true });
    expect(await settled(here.clock, sent)).toEqual({
      kind: 'unavailable',
      reason: 'away',
      isInDoubt: false,
    });
    expect(asked).toHaveLength(1);
  });

  it('when the repetition of a refused command is looked up answers unavailable, never a false refusal', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.send(key, complete('a'), { commandId: 'done' });
    here.inject('findCommand', 'fail', 1_000);
    const outcome = await settled(here.clock, here.send(key, complete('a'), { commandId: 'done' }));
    expect(outcome).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a defect', () => {
  const ghost = { type: 'NoSuchCommand' } as unknown as Command; // what a bug in a caller would send

  it('rejects for whoever sent it', async () => {
    const key = await here.start(twoSteps);
    await expect(here.send(key, ghost)).rejects.toThrow(/NoSuchCommand/);
  });

  it('leaves the run usable', async () => {
    const key = await here.start(twoSteps);
    await here.send(key, ghost).catch(() => undefined);
    expect(await here.send(key, complete('a'))).toMatchObject({ kind: 'committed' });
  });
});

describe('a reader that refreshes the run while a commit is in flight', () => {
  it('leaves the cache as the store has it', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const sent = here.send(key, complete('a', 'out'));
    await here.clock.advance(0);
    const holdLoad = here.hold('load');
    const read = here.runs.refresh(key);
    release();
    await here.clock.advance(0);
    holdLoad();
    const [outcome, run] = await settled(here.clock, Promise.all([sent, read]));
    expect(outcome).toMatchObject({ kind: 'committed', version: 4 });
    expect(run?.state.run.version).toBe(4);
    expect(await here.send(key, complete('b'))).toMatchObject({ kind: 'committed', version: 6 });
    expect(here.commits).toHaveLength(3);
  });

  it('may see the commit, and what others wrote after it, before its reply comes', async () => {
    const key = await here.start(twoSteps);
    const { store } = here;
    const { promise: applied, resolve: isApplied } = Promise.withResolvers<undefined>();
    const { promise: mayReply, resolve: reply } = Promise.withResolvers<undefined>();
    const commit = store.commit.bind(store);
    store.commit = async (request) => {
      const result = await commit(request);
      isApplied(undefined);
      await mayReply;
      return result;
    };
    const sent = here.send(key, complete('a', 'out'));
    await applied;
    await other.send(key, signal('x'));
    expect((await here.runs.refresh(key))?.state.run.version).toBe(5);
    reply(undefined);
    expect(await sent).toMatchObject({ kind: 'committed', version: 4 });
    const cached = (await here.runs.get(key))?.state.run;
    expect(cached).toMatchObject({ version: 5, completedSteps: 1, signals: [{ name: 'x' }] });
  });

  it('before the commit is sent makes its commands be decided again', async () => {
    const key = await here.start(twoSteps);
    await here.runs.refresh(key);
    const sending = here.hold('commit');
    const first = here.send(key, signal('first'));
    // Their commit refuses one command, and looks up whether it is a repetition, before it sends the other.
    here.inject('commit', 'fail');
    const refused = here.send(key, complete('b'));
    const accepted = here.send(key, complete('a', 'ours'));
    const answer = here.hold('findCommand');
    sending();
    await here.clock.advance(5_000);
    await other.send(key, signal('theirs'));
    await here.runs.refresh(key);
    const { version = 0 } = here.runs.peek(key)?.state.run ?? {};
    answer();
    const outcomes = await settled(here.clock, Promise.all([first, refused, accepted]));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'rejected', 'committed']);
    expect(outcomes[2]).toMatchObject({ version: version + 2 });
    const sequences = (await here.store.readHistory(key, 1, 99)).map(
      (line) => readEvent(line).sequence,
    );
    expect(sequences).toEqual(sequences.map((_, at) => at + 1));
    expect(here.runs.peek(key)?.state.run.signals.map(({ name }) => name)).toEqual([
      'first',
      'theirs',
    ]);
    expect((await other.runs.refresh(key))?.state.run).toEqual(here.runs.peek(key)?.state.run);
  });
});
