import { beforeEach, describe, expect, it } from 'vitest';
import { createPlanCache } from '../../src/application/commands/plan-cache.ts';
import { createRunCache } from '../../src/application/commands/run-cache.ts';
import { writeSnapshot } from '../../src/domain/state.ts';
import type { LoadedRun, RunKey } from '../../src/ports/run-store.ts';
import { createInstallation, TestProcess, type Installation } from '../support/application.ts';
import { complete, signal, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let other: TestProcess;

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  other = new TestProcess(installation);
});

const steps = Array.from({ length: 400 }, (_, at) => work(`s${at}`));
const twoSteps = workflow([work('a'), work('b', { needs: ['a'] })]);

/** What `load` is asked and answers. */
function spyOnLoad(process: TestProcess): {
  asked: (number | undefined)[];
  answers: (LoadedRun | undefined)[];
} {
  const { store } = process;
  const spied: { asked: (number | undefined)[]; answers: (LoadedRun | undefined)[] } = {
    asked: [],
    answers: [],
  };
  const load = store.load.bind(store);
  store.load = async (key, afterVersion) => {
    spied.asked.push(afterVersion);
    const answer = await load(key, afterVersion);
    spied.answers.push(answer);
    return answer;
  };
  return spied;
}

describe('the run cache', () => {
  it('answers what it has, however old, and reads only what it lacks', async () => {
    const key = await here.start(twoSteps);
    const spied = spyOnLoad(other);
    expect((await other.runs.get(key))?.state.run.version).toBe(2);
    await here.send(key, complete('a'));
    expect((await other.runs.get(key))?.state.run.version).toBe(2);
    expect(other.runs.peek(key)?.state.run.version).toBe(2);
    expect((await other.runs.refresh(key))?.state.run.version).toBe(4);
    expect(spied.asked).toEqual([undefined, 2]);
    expect(spied.answers[1]?.tail).toHaveLength(2);
  });

  it('has no finished runs: the store answers for them', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.send(key, complete('a'));
    expect(here.runs.peek(key)).toBeUndefined();
    expect((await here.runs.get(key))?.state.run.status).toBe('completed');
    expect(here.runs.peek(key)).toBeUndefined();
  });

  it('folds a snapshot and its tail to the state that the writer has', async () => {
    const key = await here.start(workflow(steps));
    for (let at = 0; at < 350; at += 1) await here.send(key, complete(`s${at}`, { of: at }));
    const spied = spyOnLoad(other);
    const [theirs, ours] = [await other.runs.get(key), here.runs.peek(key)];
    if (theirs === undefined || ours === undefined) throw new Error('no run');
    expect(spied.answers[0]?.snapshot).toBeDefined();
    expect(JSON.parse(writeSnapshot(theirs.plan, theirs.state))).toEqual(
      JSON.parse(writeSnapshot(ours.plan, ours.state)),
    );
    expect([theirs.tailBytes, theirs.snapshotBytes]).toEqual([ours.tailBytes, ours.snapshotBytes]);
  });

  it('folds concurrent refreshes of one run once', async () => {
    const key = await here.start(twoSteps);
    await other.runs.get(key);
    await here.send(key, signal('x'));
    const [one, two] = await Promise.all([other.runs.refresh(key), other.runs.refresh(key)]);
    expect([one?.state.run.version, two?.state.run.version]).toEqual([3, 3]);
    expect(one).toBe(two);
  });

  it('forgets a run that the store lost, and one it is told to forget', async () => {
    const key = await here.start(twoSteps);
    here.runs.evict(key);
    expect(here.runs.peek(key)).toBeUndefined();
    await here.runs.get(key);
    here.store.load = async () => undefined;
    expect(await here.runs.refresh(key)).toBeUndefined();
    expect(here.runs.peek(key)).toBeUndefined();
  });

  it('folds anew when the store was rolled back', async () => {
    const key = await here.start(twoSteps);
    await here.send(key, signal('x'));
    const { store } = here;
    const events = await store.readHistory(key, 1, 2);
    store.load = async () => ({ version: 2, tail: events });
    expect((await here.runs.refresh(key))?.state.run.version).toBe(2);
    expect(here.runs.peek(key)?.state.run.signals).toEqual([]);
  });

  it('keeps the runs of tenants apart', async () => {
    const key = await here.start(twoSteps);
    expect(await here.runs.get({ ...key, tenant: 'theirs' })).toBeUndefined();
  });
});

describe('what the store cannot have written', () => {
  const key: RunKey = { tenant: 'default', runId: 'r' };
  const cacheOver = (loaded: LoadedRun) =>
    createRunCache({ ...here.store, load: async () => loaded }, here.plans);

  it('is a defect: a snapshot of another format', async () => {
    const snapshot = { version: 1, data: '{"format":99}' };
    await expect(cacheOver({ version: 1, snapshot, tail: [] }).get(key)).rejects.toThrow(
      /another format; update Baton/,
    );
  });

  it('is a defect: a history that does not begin with its start', async () => {
    const run = await here.start(twoSteps);
    const tail = await here.store.readHistory(run, 2, 1);
    await expect(cacheOver({ version: 1, tail }).get(key)).rejects.toThrow(
      /does not begin with WorkflowStarted/,
    );
    await expect(cacheOver({ version: 0, tail: [] }).get(key)).rejects.toThrow(/does not begin/);
  });
});

describe('the plan cache', () => {
  it('compiles a definition once', async () => {
    await here.start(twoSteps);
    const [registered] = await here.store.listDefinitions('default', 1);
    if (registered === undefined) throw new Error('not registered');
    const plans = createPlanCache(here.store);
    expect(await plans.get('default', registered.hash)).toBe(
      await plans.get('default', registered.hash),
    );
  });

  it('does not find the definition of another tenant', async () => {
    await here.start(twoSteps);
    const [registered] = await here.store.listDefinitions('default', 1);
    const plans = createPlanCache(here.store);
    await plans.get('default', registered?.hash ?? '');
    await expect(plans.get('theirs', registered?.hash ?? '')).rejects.toThrow(
      /is not in the store/,
    );
  });

  it('is a defect for a definition that does not compile', async () => {
    await here.store.register({
      tenant: 'default',
      name: 'x',
      hash: 'h',
      document: '{"name":"x","steps":[]}',
    });
    await expect(here.plans.get('default', 'h')).rejects.toThrow(/written by another Baton/);
  });
});
