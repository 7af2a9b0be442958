import { PassThrough } from 'node:stream';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { describe, expect, it, vi } from 'vitest';
import { serveMcp } from '../../src/mcp/stdio.ts';
import { GREET, RELEASE, TIMED } from '../application/definitions.ts';
import { createWorkbench } from '../application/workbench.ts';
import { MODERN, collectingLogger, connect, fieldOf, textOf } from './connect.ts';

describe.each([
  ['the legacy era', undefined],
  ['the revision 2026-07-28', MODERN],
] as const)('a client of %s', (_, client) => {
  it('starts a run, waits for it and reads it', async () => {
    const session = await connect({ client });
    await session.bench.register(GREET);
    const args = { workflow: 'greet', input: { who: 'you' } };
    const run_id = fieldOf(await session.call('start_workflow', args), 'run_id');
    const seen = await session.call('await_workflow', { run_id });
    expect(seen.structuredContent).toMatchObject({ status: 'completed', finished: true });
    const text = textOf(await session.call('get_workflow', { run_id, step: 'hello' }));
    expect(text).toContain('hello you');
  });

  it('is named in the events that it causes', async () => {
    const session = await connect({ client });
    await session.bench.register(TIMED);
    const result = await session.call('start_workflow', { workflow: 'timed' });
    const key = { tenant: 'default', runId: String(fieldOf(result, 'run_id')) };
    const [event] = await session.bench.store.readHistory(key, 1, 1);
    expect(JSON.parse(event ?? '')).toMatchObject({ actor: 'client:test client' });
  });

  it('gets progress where it asks for it', async () => {
    const session = await connect({ client });
    await session.bench.register(RELEASE);
    await session.bench.announce('shell:make');
    const run_id = await session.bench.start('release');
    const onprogress = vi.fn();
    const waiting = session.client.callTool(
      { name: 'await_workflow', arguments: { run_id } },
      { onprogress },
    );
    await vi.waitFor(() => expect(onprogress).toHaveBeenCalled());
    await session.bench.complete(await session.bench.claim('shell:make'), 'ok');
    await session.bench.clock.advance(1_000);
    await waiting;
    expect(onprogress.mock.calls.map(([report]) => report as unknown)).toMatchObject([
      { progress: 0, total: 3 },
      { progress: 1, total: 3, message: '1 of 3 steps completed' },
    ]);
  });

  it('ends its wait, not the run, by giving up', async () => {
    const session = await connect({ client });
    await session.bench.register(RELEASE);
    await session.bench.announce('shell:make');
    const run_id = await session.bench.start('release');
    const giveUp = new AbortController();
    const waiting = session.client.callTool(
      { name: 'await_workflow', arguments: { run_id } },
      { signal: giveUp.signal },
    );
    await vi.waitFor(() => expect(session.bench.clock.sleeping()).toBe(1));
    giveUp.abort();
    await expect(waiting).rejects.toThrow();
    await vi.waitFor(() => expect(session.bench.clock.sleeping()).toBe(0));
    const after = textOf(await session.call('get_workflow', { run_id }));
    expect(after).toContain('running');
    await session.bench.complete(await session.bench.claim('shell:make'), 'ok');
    const types = (await session.bench.events(run_id)).map(({ type }) => type);
    expect(types).not.toContain('CancellationRequested');
    expect(types.at(-1)).toBe('StepWaiting');
  });
});

describe('the server', () => {
  it('says what it is for, in short', async () => {
    const { client } = await connect();
    expect(client.getInstructions()).toContain('start_workflow');
    expect(client.getInstructions()?.length).toBeLessThan(700);
    expect(client.getServerVersion()).toMatchObject({ name: 'baton', version: '0.0.0-test' });
  });

  it('hands the trace context of a call on to the events', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const call = async (trace: string) => {
      const result = await session.client.callTool({
        name: 'start_workflow',
        arguments: { workflow: 'timed' },
        _meta: { traceparent: trace },
      });
      const key = { tenant: 'default', runId: String(fieldOf(result, 'run_id')) };
      const [event] = await session.bench.store.readHistory(key, 1, 1);
      return JSON.parse(event ?? '') as { traceparent?: string }; // what the store holds
    };
    expect((await call(traceparent)).traceparent).toBe(traceparent);
    expect((await call('nonsense')).traceparent).toBeUndefined();
  });

  it('never waits longer than it was configured to', async () => {
    const session = await connect({ maxWaitSeconds: 2 });
    await session.bench.register(RELEASE);
    await session.bench.announce('shell:make');
    const run_id = await session.bench.start('release');
    const waiting = session.call('await_workflow', { run_id, wait_seconds: 25 });
    await vi.waitFor(() => expect(session.bench.clock.sleeping()).toBe(1));
    await session.bench.clock.advance(2_100);
    expect((await waiting).structuredContent).toMatchObject({ finished: false });
  });

  it('serves two clients with server objects of their own', async () => {
    const bench = createWorkbench();
    const first = await connect({ bench });
    const second = await connect({ bench, client: MODERN });
    await bench.register(TIMED);
    const started = await first.call('start_workflow', { workflow: 'timed' });
    const run_id = fieldOf(started, 'run_id');
    await first.client.close();
    expect(textOf(await second.call('get_workflow', { run_id }))).toContain('running');
  });
});

describe('serveMcp over standard input and output', () => {
  const pipe = async () => {
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const onClosed = vi.fn();
    const service = await serveMcp({
      application: createWorkbench().application,
      logger: collectingLogger().logger,
      version: '1',
      onClosed,
      transport: new StdioServerTransport(stdin, stdout),
    });
    return { stdin, stdout, onClosed, service };
  };

  it('tells once when standard input ends', async () => {
    const { stdin, onClosed, service } = await pipe();
    stdin.end();
    await vi.waitFor(() => expect(onClosed).toHaveBeenCalledTimes(1));
    await service.close();
    expect(onClosed).toHaveBeenCalledTimes(1);
  });

  it('tells once when standard output breaks', async () => {
    const { stdout, onClosed } = await pipe();
    stdout.destroy(new Error('EPIPE'));
    await vi.waitFor(() => expect(onClosed).toHaveBeenCalledTimes(1));
  });

  it('does not tell of an end that it was asked for', async () => {
    const { onClosed, service } = await pipe();
    await service.close();
    expect(onClosed).not.toHaveBeenCalled();
  });

  it('answers a half-written line only when it is whole', async () => {
    const { stdin, stdout } = await pipe();
    const request = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2024-11-05',
        capabilities: {},
        clientInfo: { name: 'Cline', version: '1' },
      },
    });
    stdin.write(request.slice(0, 40));
    await new Promise(setImmediate);
    expect(stdout.read()).toBeNull();
    stdin.write(`${request.slice(40)}\n`);
    await vi.waitFor(() => expect(stdout.readableLength).toBeGreaterThan(0));
    expect(String(stdout.read())).toContain('"protocolVersion":"2024-11-05"');
  });
});
