import { expect, it } from 'vitest';
import { createInstallation, TestProcess } from '../support/application.ts';
import { signal, start, work, workflow } from '../support/given.ts';

const oneStep = workflow([work('a')]);

it('answers a signal that is sent twice at once as a duplicate, and records it once', async () => {
  const here = new TestProcess(createInstallation());
  const key = await here.start(oneStep);
  const outcomes = await Promise.all([
    here.send(key, signal('go'), { commandId: 'client:same' }),
    here.send(key, signal('go'), { commandId: 'client:same' }),
    here.send(key, signal('go'), { commandId: 'client:other' }),
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'duplicate', 'committed']);
  const types = await here.types(key);
  expect(types.filter((type) => type === 'SignalReceived')).toHaveLength(2);
});

it('gives two starts with one key in one turn one run', async () => {
  const here = new TestProcess(createInstallation());
  const key = { tenant: 'default', runId: 'derived-from-the-key' };
  await here.start(oneStep); // registers the definition
  const outcomes = await Promise.all([
    here.startAs(key, oneStep),
    here.startAs(key, oneStep),
    here.startAs(key, oneStep, {}, { digest: 'another payload' }),
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'duplicate', 'keyReused']);
  expect(await here.types(key)).toEqual(['WorkflowStarted', 'StepsScheduled']);
});

it('does not take a repeated start for a new one when the run is known already', async () => {
  const here = new TestProcess(createInstallation());
  const key = await here.start(oneStep);
  const again = await here.send(key, start(), { commandId: 'start' });
  expect(again.kind).toBe('duplicate');
});
