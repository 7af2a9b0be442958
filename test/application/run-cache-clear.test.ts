import { beforeEach, describe, expect, it } from 'vitest';
import { createInstallation, TestProcess } from '../support/application.ts';
import { complete, work, workflow } from '../support/given.ts';

const twoSteps = workflow([work('a'), work('b', { needs: ['a'] })]);
let here: TestProcess;

beforeEach(() => {
  here = new TestProcess(createInstallation());
});

describe('a store that holds another history than was read', () => {
  it('is read anew from the beginning, and not continued from what was cached', async () => {
    const key = await here.start(twoSteps);
    await here.runs.refresh(key);
    here.runs.clear();
    expect(here.runs.peek(key)).toBeUndefined();
    const asked: (number | undefined)[] = [];
    const load = here.store.load.bind(here.store);
    here.store.load = (run, after) => {
      asked.push(after);
      return load(run, after);
    };
    expect((await here.runs.refresh(key))?.state.run.version).toBe(2);
    expect(asked).toEqual([undefined]);
  });

  it('is read again when it was replaced in the middle of a read', async () => {
    const key = await here.start(twoSteps);
    here.runs.clear();
    const load = here.store.load.bind(here.store);
    let reads = 0;
    here.store.load = async (run, after) => {
      const loaded = await load(run, after);
      reads += 1;
      if (reads === 1) here.runs.clear();
      return loaded;
    };
    await here.runs.refresh(key);
    expect(reads).toBe(2);
  });

  it('is sent no commit that was decided on the history before', async () => {
    const key = await here.start(twoSteps);
    here.runs.clear();
    const seen: number[] = [];
    const commit = here.store.commit.bind(here.store);
    here.store.commit = (request) => {
      seen.push(here.runs.epoch);
      return commit(request);
    };
    const load = here.store.load.bind(here.store);
    const { epoch } = here.runs;
    here.store.load = async (run, after) => {
      const loaded = await load(run, after);
      if (here.runs.epoch === epoch) here.runs.clear();
      return loaded;
    };
    await here.send(key, complete('a'));
    expect(seen).toEqual([epoch + 1]);
  });
});
