import { describe, expect, it, vi } from 'vitest';
import { GREET, RELEASE, TIMED } from '../../application/definitions.ts';
import { fieldOf, textOf } from '../connect.ts';
import { callerWith, ERAS, serveHttp } from './connect-http.ts';

describe.each(ERAS)('a client of the %s era over HTTP', (_era, options) => {
  it('starts a run, waits for it and reads it', async () => {
    const { bench, connect } = await serveHttp();
    const { call } = await connect(options);
    await bench.register(GREET);
    const started = await call('start_workflow', { workflow: 'greet', input: { who: 'you' } });
    const run_id = fieldOf(started, 'run_id');
    const seen = await call('await_workflow', { run_id });
    expect(seen.structuredContent).toMatchObject({ status: 'completed', finished: true });
  });

  it('is named by its key in the events that it causes, by its own word without one', async () => {
    const { bench, connect } = await serveHttp();
    await bench.register(TIMED);
    const actorOf = async (as?: ReturnType<typeof callerWith>): Promise<unknown> => {
      const { call } = await connect(options, as);
      const started = await call('start_workflow', { workflow: 'timed' });
      const key = { tenant: 'default', runId: String(fieldOf(started, 'run_id')) };
      const [event] = await bench.store.readHistory(key, 1, 1);
      return (JSON.parse(event ?? '') as { actor: unknown }).actor; // what the store holds
    };
    expect(await actorOf()).toBe('client:test client');
    expect(await actorOf(callerWith('k1'))).toBe('key:name of k1');
  });

  it('gets progress where it asks for it', async () => {
    const { bench, connect } = await serveHttp();
    const { client } = await connect(options);
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    const onprogress = vi.fn();
    const waiting = client.callTool(
      { name: 'await_workflow', arguments: { run_id } },
      { onprogress },
    );
    await vi.waitFor(() => expect(onprogress).toHaveBeenCalled());
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    await waiting;
    expect(onprogress.mock.calls.map(([report]) => report as unknown)).toMatchObject([
      { progress: 0, total: 3 },
      { progress: 1, total: 3, message: '1 of 3 steps completed' },
    ]);
  });

  it('ends its wait, not the run, by giving up, and leaves nothing behind', async () => {
    const { bench, connect, endpoint } = await serveHttp();
    const { client, call } = await connect(options);
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    const sleepingBefore = bench.clock.sleeping();
    const giveUp = new AbortController();
    const waiting = client.callTool(
      { name: 'await_workflow', arguments: { run_id } },
      { signal: giveUp.signal },
    );
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(sleepingBefore + 1));
    expect(endpoint.counts().working).toBe(1);
    giveUp.abort();
    await expect(waiting).rejects.toThrow();
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(sleepingBefore));
    await vi.waitFor(() => expect(endpoint.counts().working).toBe(0));
    expect(textOf(await call('get_workflow', { run_id }))).toContain('running');
  });

  it('sees only what its scopes let it', async () => {
    const { connect } = await serveHttp();
    const { client, call } = await connect(options, callerWith('k1', { scopes: ['runs:read'] }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain('get_workflow');
    expect(tools.map(({ name }) => name)).not.toContain('start_workflow');
    const refused = await call('start_workflow', { workflow: 'timed' });
    expect(textOf(refused)).toContain('runs:write');
  });

  it('completes names of definitions', async () => {
    const { bench, connect } = await serveHttp();
    await bench.register(GREET);
    const { client } = await connect(options);
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'workflow://definitions/{name}{?offset}' },
      argument: { name: 'name', value: 'gr' },
    });
    expect(completion.values).toEqual(['greet']);
  });

  it('is answered early, and truthfully, when the server stops', async () => {
    const { bench, connect, endpoint, post } = await serveHttp();
    const { call } = await connect(options);
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    const sleepingBefore = bench.clock.sleeping();
    const waiting = call('await_workflow', { run_id });
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(sleepingBefore + 1));
    const closed = endpoint.close();
    expect((await waiting).structuredContent).toMatchObject({ finished: false, run_id });
    await bench.clock.advance(2_000);
    await closed;
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(503);
  });
});
