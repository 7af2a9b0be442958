import { describe, expect, it } from 'vitest';
import { createApplication } from '../../src/application/application.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { GREET, RELEASE, TIMED } from './definitions.ts';
import { createWorkbench, errorOf, portsOf, valueOf } from './workbench.ts';

describe('start_workflow', () => {
  it('starts a run that is in the store with its input when it answers', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const input = { workflow: 'greet', input: { who: 'you' } };
    const started = valueOf(await bench.application.startWorkflow(bench.context, input));
    expect(started).toMatchObject({
      workflow: 'greet',
      version: 1,
      status: 'completed',
      output: { text: 'hello you' },
    });
    const [first] = await bench.events(started.run_id);
    expect(first).toMatchObject({
      type: 'WorkflowStarted',
      input: { who: 'you' },
      workspace: '/workspace',
    });
  });

  it('writes who called and why into every event', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const context = { ...bench.context, traceparent };
    const call = { workflow: 'greet', input: { who: 'x' } };
    const { run_id } = valueOf(await bench.application.startWorkflow(context, call));
    const texts = await bench.store.readHistory({ tenant: 'default', runId: run_id }, 1, 10);
    for (const text of texts)
      expect(JSON.parse(text)).toMatchObject({
        actor: 'client:test',
        causationId: 'request-1',
        traceparent,
      });
  });

  it('gives every start without a key a run of its own', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    expect(await bench.start('timed')).not.toBe(await bench.start('timed'));
  });

  it('answers a repetition under the same key with the first run, from another process too', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const call = { workflow: 'timed', idempotency_key: 'monday' };
    const first = valueOf(await bench.application.startWorkflow(bench.context, call));
    const other = createApplication(portsOf(bench.store, bench.clock));
    const again = valueOf(await other.startWorkflow(bench.context, call));
    expect(first.duplicate).toBeUndefined();
    expect(again).toMatchObject({ run_id: first.run_id, duplicate: true });
    const { runs } = valueOf(await bench.application.listWorkflows(bench.context, {}));
    expect(runs).toHaveLength(1);
  });

  it('makes one run of two starts that race under one key', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const call = { workflow: 'timed', idempotency_key: 'race' };
    const other = createApplication(portsOf(bench.store, bench.clock));
    const [a, b] = await Promise.all([
      bench.application.startWorkflow(bench.context, call),
      other.startWorkflow(bench.context, call),
    ]);
    expect(valueOf(a).run_id).toBe(valueOf(b).run_id);
    expect([valueOf(a).duplicate, valueOf(b).duplicate].filter(Boolean)).toHaveLength(1);
  });

  it('refuses the same key for another input and starts nothing', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const start = (who: string) =>
      bench.application.startWorkflow(bench.context, {
        workflow: 'greet',
        input: { who },
        idempotency_key: 'k',
      });
    const first = valueOf(await start('a'));
    expect(errorOf(await start('b'))).toMatchObject({
      code: 'idempotency_key_reused',
      changed: 'nothing',
    });
    expect(valueOf(await start('a')).run_id).toBe(first.run_id);
  });

  it('answers a repetition though a newer version of the workflow is registered by now', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const call = { workflow: 'timed', idempotency_key: 'k' };
    const first = valueOf(await bench.application.startWorkflow(bench.context, call));
    await bench.register(TIMED.replace('1h', '2h'));
    const again = valueOf(await bench.application.startWorkflow(bench.context, call));
    expect(again).toMatchObject({ run_id: first.run_id, version: 1, duplicate: true });
  });

  it('starts the version that is asked for', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    await bench.register(TIMED.replace('1h', '2h'));
    const start = (workflow: string) =>
      bench.application.startWorkflow(bench.context, { workflow });
    expect(valueOf(await start('timed'))).toMatchObject({ version: 2 });
    expect(valueOf(await start('timed@1'))).toMatchObject({ version: 1 });
    expect(errorOf(await start('timed@9'))).toMatchObject({
      code: 'unknown_workflow',
      message: 'Workflow "timed" has no version 9; the newest is 2.',
    });
  });

  it('names the nearest workflow when there is none of that name', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const error = errorOf(
      await bench.application.startWorkflow(bench.context, { workflow: 'gret' }),
    );
    expect(error).toMatchObject({ code: 'unknown_workflow', changed: 'nothing' });
    expect(error.next).toContain('Did you mean "greet"?');
  });

  it('refuses input that breaks the schema, with the place, and starts nothing', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const call = { workflow: 'greet', input: { who: 3 } };
    const error = errorOf(await bench.application.startWorkflow(bench.context, call));
    expect(error).toMatchObject({ code: 'invalid_input', changed: 'nothing' });
    expect(error.violations?.[0]?.path).toContain('who');
    expect(valueOf(await bench.application.listWorkflows(bench.context, {})).runs).toEqual([]);
  });

  it('refuses input that is too large, too deep, or reaches for prototypes', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const start = (input: JsonObject) =>
      bench.application.startWorkflow(bench.context, { workflow: 'timed', input });
    const large = errorOf(await start({ text: 'x'.repeat(1_100_000) }));
    expect(large.code).toBe('payload_too_large');
    // Only a parser makes such a key; a literal would set the prototype.
    const parsed = JSON.parse('{"a":{"__proto__":1}}') as JsonObject;
    const proto = errorOf(await start(parsed));
    expect(proto).toMatchObject({ code: 'invalid_arguments', changed: 'nothing' });
    expect(proto.violations?.[0]?.path).toContain('__proto__');
  });

  it('says at once that no worker serves a queue', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const call = { workflow: 'release' };
    const started = valueOf(await bench.application.startWorkflow(bench.context, call));
    expect(started.attention).toMatchObject([{ kind: 'no_worker', step: 'build' }]);
    expect(started.attention[0]?.message).toContain('shell.allow');
  });

  it('waits for the end when asked to', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const call = { workflow: 'release', wait_seconds: 5 };
    const waiting = bench.application.startWorkflow(bench.context, call);
    await bench.clock.advance(100);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(100);
    const started = valueOf(await waiting);
    expect(started.attention).toMatchObject([{ kind: 'waiting_for_signal', step: 'gate' }]);
  });

  it('finds its own start recorded when the reply of the store was lost', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const call = { workflow: 'timed', idempotency_key: 'k' };
    bench.faults.fate = (operation) => (operation === 'commit' ? 'lose-reply' : 'proceed');
    const waiting = bench.application.startWorkflow(bench.context, call);
    await bench.outlast(60_000);
    const started = valueOf(await waiting);
    bench.faults.fate = () => 'proceed';
    const again = valueOf(await bench.application.startWorkflow(bench.context, call));
    expect(again).toMatchObject({ run_id: started.run_id, duplicate: true });
  });

  it('says that nothing is known when the store stays away, and the key settles it', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const call = { workflow: 'timed', idempotency_key: 'k' };
    bench.faults.fate = (operation) => (operation === 'commit' ? 'fail' : 'proceed');
    const waiting = bench.application.startWorkflow(bench.context, call);
    await bench.outlast(60_000);
    const error = errorOf(await waiting);
    expect(error).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
    expect(error.next).toContain('same idempotency_key');
    bench.faults.fate = () => 'proceed';
    const again = valueOf(await bench.application.startWorkflow(bench.context, call));
    expect(again.duplicate).toBeUndefined();
    expect(valueOf(await bench.application.listWorkflows(bench.context, {})).runs).toHaveLength(1);
  });
});
