import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CheckpointInput } from '../../src/application/checkpoints/create-checkpoint.ts';
import { MAX_CHECKPOINTS } from '../../src/domain/limits.ts';
import { MAX_ARTIFACT_BYTES } from '../../src/ports/artifact-store.ts';
import { RepositoryError, type RepositoryReading } from '../../src/ports/repository-reader.ts';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

const GATE = 'name: gate\nsteps: [{ id: go, uses: signal, with: { name: go } }]\n';
const CONTENT = Buffer.from([0x64, 0x69, 0x66, 0x66, 0xff, 0x00]);
const DIRTY: RepositoryReading = {
  state: { path: '/workspace/app', commit: 'f00d', branch: 'main', isDirty: true },
  diff: { content: CONTENT, files: 2 },
};

let bench: Workbench;
let run_id: string;
beforeEach(async () => {
  bench = createWorkbench();
  run_id = await bench.start(await bench.register(GATE));
});

const create = (input: Partial<CheckpointInput> = {}) =>
  bench.application.createCheckpoint(bench.context, { run_id, name: 'here', ...input });
const list = (input: { run_id?: string } = {}) =>
  bench.application.listCheckpoints(bench.context, input);
const diffOf = (checkpoint_id: string) =>
  bench.application.readCheckpointDiff(bench.context, { checkpoint_id });
const lastEvent = async () => (await bench.events(run_id)).at(-1);

describe('a checkpoint', () => {
  it('names the point right after itself, with its note', async () => {
    const made = valueOf(await create({ note: 'all good' }));
    const sequence = (await bench.events(run_id)).length;
    expect(made).toMatchObject({ checkpoint_id: `${run_id}@${sequence}`, name: 'here' });
    expect(await lastEvent()).toEqual({
      type: 'CheckpointCreated',
      name: 'here',
      note: 'all good',
    });
  });

  it('keeps the state of a repository, and its diff byte for byte', async () => {
    const asked: unknown[] = [];
    bench.repositories.read = async (...call) => {
      asked.push(call);
      return DIRTY;
    };
    const { checkpoint_id, repository } = valueOf(await create({ repository: 'app' }));
    expect(asked).toEqual([['app', { maxDiffBytes: MAX_ARTIFACT_BYTES }]]);
    expect(repository).toMatchObject({ ...DIRTY.state, diff: { bytes: 6, files: 2 } });
    const { content } = valueOf(await diffOf(checkpoint_id));
    expect(Buffer.from(content)).toEqual(CONTENT);
  });

  it('is not made where the repository cannot be read', async () => {
    bench.repositories.read = () => Promise.reject(new RepositoryError('no git'));
    const before = await bench.events(run_id);
    expect(errorOf(await create({ repository: '.' }))).toMatchObject({
      code: 'repository_unreadable',
      message: 'No checkpoint was made: no git.',
      changed: 'nothing',
    });
    expect(await bench.events(run_id)).toEqual(before);
  });

  it('repeated under its key is the one that it made, though a newer one has its name', async () => {
    const first = valueOf(await create({ idempotency_key: 'first' }));
    const second = valueOf(await create({ idempotency_key: 'second' }));
    expect(second.checkpoint_id).not.toBe(first.checkpoint_id);
    const again = valueOf(await create({ idempotency_key: 'first' }));
    expect(again).toMatchObject({ duplicate: true, checkpoint_id: first.checkpoint_id });
  });

  it('hides no defect of the reader behind a bad path', async () => {
    bench.repositories.read = () => Promise.reject(new TypeError('a defect'));
    await expect(create({ repository: '.' })).rejects.toThrow('a defect');
  });

  it('is made once under one key, though the repository changed meanwhile', async () => {
    bench.repositories.read = async () => DIRTY;
    const call = { repository: '.', idempotency_key: 'k' };
    const first = valueOf(await create(call));
    bench.repositories.read = async () => ({ state: { path: '/elsewhere', isDirty: false } });
    const again = valueOf(await create(call));
    expect(again).toEqual({ ...first, duplicate: true });
    expect(errorOf(await create({ ...call, name: 'other' })).code).toBe('idempotency_key_reused');
    expect(valueOf(await list()).checkpoints).toHaveLength(1);
  });

  it('of a run that is not there is refused, and no repository is read', async () => {
    let reads = 0;
    bench.repositories.read = async () => {
      reads += 1;
      return DIRTY;
    };
    expect(errorOf(await create({ run_id: 'none', repository: '.' })).code).toBe('unknown_run');
    expect(reads).toBe(0);
  });

  describe('keeps nothing of a repository', () => {
    let reads: number;
    const stored = async () => {
      const id = createHash('sha256').update(CONTENT).digest('hex');
      return bench.store.getArtifact({ tenant: 'default', runId: run_id }, id);
    };
    beforeEach(() => {
      reads = 0;
      bench.repositories.read = async () => {
        reads += 1;
        return DIRTY;
      };
    });
    const fillUp = async () => {
      for (let at = 0; at < MAX_CHECKPOINTS; at += 1) await create({ name: `n${at}` });
    };

    it('when the run has no room for it: the repository is not even read', async () => {
      await fillUp();
      expect(errorOf(await create({ repository: '.' })).code).toBe('too_many_checkpoints');
      expect(reads).toBe(0);
      expect(await stored()).toBeUndefined();
    });

    it('when the run fills up while it is read', async () => {
      bench.repositories.read = async () => {
        await fillUp();
        return DIRTY;
      };
      expect(errorOf(await create({ repository: '.' })).code).toBe('too_many_checkpoints');
      expect(await stored()).toBeUndefined();
    });

    it.each([
      ['repetition', 'here'],
      ['other request under its key', 'other'],
    ])('for a %s', async (_, name) => {
      bench.repositories.read = async () => ({ state: { path: '/workspace/app', isDirty: false } });
      valueOf(await create({ repository: '.', idempotency_key: 'k' }));
      bench.repositories.read = async () => {
        reads += 1;
        return DIRTY;
      };
      await create({ name, repository: '.', idempotency_key: 'k' });
      expect(reads).toBe(0);
      expect(await stored()).toBeUndefined();
    });

    it('for a repetition that overtakes it', async () => {
      const call = { repository: '.', idempotency_key: 'k' };
      const clean: RepositoryReading = { state: { path: '/workspace/app', isDirty: false } };
      bench.repositories.read = async () => {
        bench.repositories.read = async () => clean;
        valueOf(await create(call));
        return DIRTY;
      };
      expect(valueOf(await create(call))).toMatchObject({ duplicate: true });
      expect(await stored()).toBeUndefined();
    });

    it('else it does: what these look for is there then', async () => {
      valueOf(await create({ repository: '.' }));
      expect(await stored()).toBeDefined();
    });
  });

  it('stands nowhere when the store fails while its diff is kept', async () => {
    bench.repositories.read = async () => DIRTY;
    bench.faults.fate = (operation) => (operation === 'putArtifact' ? 'fail' : 'proceed');
    const before = await bench.events(run_id);
    expect(errorOf(await create({ repository: '.' })).code).toBe('store_unavailable');
    expect(await bench.events(run_id)).toEqual(before);
  });
});

describe('checkpoints are listed', () => {
  it('newest first, of all runs or of one', async () => {
    await create({ name: 'one' });
    await create({ name: 'two' });
    const other = await bench.start('gate');
    await create({ run_id: other, name: 'three' });
    await bench.start('gate');
    const names = async (input: { run_id?: string }) =>
      valueOf(await list(input)).checkpoints.map(({ workflow, name }) => `${workflow} ${name}`);
    expect(await names({})).toEqual(['gate three', 'gate two', 'gate one']);
    expect(await names({ run_id })).toEqual(['gate two', 'gate one']);
    expect(errorOf(await list({ run_id: 'none' })).code).toBe('unknown_run');
  });
});

describe('the diff of a checkpoint', () => {
  it.each(['', 'x', 'none@3', '@3'])('is not found under %j', async (id) => {
    expect(errorOf(await diffOf(id)).code).toBe('unknown_checkpoint');
  });

  it('is not found at a point that has no name', async () => {
    await create();
    expect(errorOf(await diffOf(`${run_id}@1`)).code).toBe('unknown_checkpoint');
  });

  it.each<[string, RepositoryReading['state'] | undefined]>([
    ['it was made without a repository', undefined],
    ['nothing had changed since its commit', { path: '/p', commit: 'f00d', isDirty: false }],
    ['too large', { path: '/p', commit: 'f00d', isDirty: true, diffLeftOut: 'too large' }],
  ])('may not be there: %s', async (reason, state) => {
    if (state) bench.repositories.read = async () => ({ state });
    const { checkpoint_id } = valueOf(await create(state && { repository: '.' }));
    const error = errorOf(await diffOf(checkpoint_id));
    expect(error.code).toBe('no_diff');
    expect(error.message).toContain(`keeps no diff: ${reason}.`);
  });
});
