import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../../src/application/access/access.ts';
import { STATUS_TITLES, statusOf } from '../../../src/http/error-statuses.ts';
import type { HttpEnv } from '../../../src/http/http-env.ts';
import { problemResponse } from '../../../src/http/problem.ts';
import { acceptedType } from '../../../src/http/rest/media-type.ts';
import { GREET } from '../../application/definitions.ts';
import { createWorkbench } from '../../application/workbench.ts';
import { createRig, type Reply } from './rig.ts';

const PROBLEM = 'application/problem+json';

function refusal(reply: Reply): unknown[] {
  return [reply.status, reply.type, reply.field('code'), reply.field('changed')];
}

describe('the routes', () => {
  it('answer an unknown path, and a path below a known one, with a problem', async () => {
    const rig = createRig();
    for (const path of ['/nothing', '/workflows/', '/workflows/a/b/c', '/health/x', '/'])
      expect(refusal(await rig.get(path))).toEqual([404, PROBLEM, 'not_found', 'nothing']);
  });

  it('say which methods a path takes', async () => {
    const rig = createRig();
    const refused = await rig.send('/workflows', { method: 'DELETE' });
    expect(refusal(refused)).toEqual([405, PROBLEM, 'method_not_allowed', 'nothing']);
    expect(refused.headers.get('allow')).toBe('OPTIONS, POST, GET, HEAD');
    const asked = await rig.send('/workflows/a/signal', { method: 'OPTIONS' });
    expect([asked.status, asked.headers.get('allow')]).toEqual([204, 'OPTIONS, POST']);
    expect((await rig.get('/tasks/claim')).status).toBe(405);
  });

  it('answer HEAD as GET, without a body', async () => {
    const rig = createRig();
    const head = await rig.send('/health', { method: 'HEAD' });
    expect([head.status, head.type, head.text]).toEqual([200, 'application/json', '']);
    const stream = await rig.send('/events', { method: 'HEAD' });
    expect([stream.status, stream.type, stream.text]).toEqual([200, 'text/event-stream', '']);
    expect(rig.bench.clock.sleeping()).toBe(0);
  });

  it('refuse an Accept that nothing fits, and choose among what fits', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const graph = `/workflows/${await rig.bench.start('greet', { who: 'you' })}/graph`;
    const refused = await rig.get(graph, { accept: 'text/html' });
    expect(refusal(refused)).toEqual([406, PROBLEM, 'not_acceptable', 'nothing']);
    expect(refused.field('next')).toBe('Send Accept: application/json or text/vnd.mermaid.');
    const mermaid = await rig.get(graph, { accept: 'text/vnd.mermaid, application/json;q=0.5' });
    expect([mermaid.type, mermaid.text.split('\n')[0]]).toEqual([
      'text/vnd.mermaid',
      'flowchart TD',
    ]);
    const json = await rig.get(graph, { accept: '*/*' });
    expect([json.type, json.field('graph')]).toEqual(['application/json', mermaid.text]);
  });

  it('refuse a body that is no JSON, or is not said to be', async () => {
    const rig = createRig();
    const send = (body: string, type: string | undefined): Promise<Reply> =>
      rig.send('/agents', { method: 'POST', body, headers: type ? { 'content-type': type } : {} });
    const broken = await send('{"agent_id": ', 'application/json');
    expect(refusal(broken)).toEqual([400, PROBLEM, 'malformed_json', 'nothing']);
    for (const type of ['text/plain', undefined, 'application/x-www-form-urlencoded'])
      expect(refusal(await send('{"agent_id":"a"}', type))).toEqual([
        415,
        PROBLEM,
        'unsupported_media_type',
        'nothing',
      ]);
    for (const body of ['[]', '"a"', 'null', '7', ''])
      expect((await send(body, 'application/json')).field('code')).toBe('invalid_arguments');
    for (const type of ['application/json; charset=utf-8', 'application/merge-patch+json'])
      expect((await send('{"agent_id":"a"}', type)).status).toBe(200);
  });

  it('refuse a body that breaks off, and log no defect of it', async () => {
    const rig = createRig();
    const body = new ReadableStream({ pull: (to) => to.error(new Error('gone')) });
    const headers = { 'content-type': 'application/json' };
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body,
      headers,
      duplex: 'half',
    };
    expect(refusal(await rig.send('/agents', init))).toEqual([
      400,
      PROBLEM,
      'malformed_request',
      'nothing',
    ]);
    expect(rig.logged).toEqual([]);
  });

  it('refuse a caller without the scope, before anything is read', async () => {
    const caller = { ...LOCAL_CALLER, scopes: new Set(['runs:read'] as const) };
    const rig = createRig({ caller });
    const refused = await rig.post('/workflows', { type: 'nothing' });
    expect(refusal(refused)).toEqual([403, PROBLEM, 'missing_scope', 'nothing']);
    expect(refused.field('detail')).toContain('runs:write');
    expect(refused.field('next')).toContain('carries runs:write beside what this one carries');
    expect((await rig.get('/workflows')).status).toBe(200);
  });

  it('say that the store is away', async () => {
    const bench = createWorkbench();
    bench.faults.fate = () => 'fail';
    const rig = createRig({ bench });
    expect(refusal(await rig.get('/workflows'))).toEqual([
      503,
      PROBLEM,
      'store_unavailable',
      'nothing',
    ]);
    const written = await rig.post('/agents', { agent_id: 'a' });
    expect(refusal(written)).toEqual([503, PROBLEM, 'store_unavailable', 'unknown']);
    expect((await rig.get('/health')).field('status')).toBe('degraded');
  });

  it('tell a defect to the log alone', async () => {
    const bench = createWorkbench();
    bench.store.listRuns = () => Promise.reject(new Error('password is hunter2'));
    const rig = createRig({ bench });
    const refused = await rig.get('/workflows');
    expect(refusal(refused)).toEqual([500, PROBLEM, 'internal_error', 'unknown']);
    expect(refused.text).not.toContain('hunter2');
    expect(refused.text).toContain('r1');
    expect(rig.logged).toHaveLength(1);
    expect(rig.logged[0]).toMatch(/"reference":"r1".*hunter2/);
  });

  it('carry who called and what it belongs to into the history', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const rig = createRig({ caller: { ...LOCAL_CALLER, key: { id: 'k', name: 'ci <b>' } } });
    await rig.bench.register(GREET);
    const body = { type: 'greet', input: { who: 'you' } };
    const started = await rig.post('/workflows', body, { traceparent });
    const key = { tenant: 'default', runId: String(started.field('workflow_id')) };
    const [first = ''] = await rig.bench.store.readHistory(key, 1, 1);
    expect(JSON.parse(first)).toMatchObject({
      actor: 'key:ci b',
      causationId: 'http:r1',
      traceparent,
    });
  });
});

describe('problems', () => {
  it('have a title for every status, and 422 for a code that nobody listed', () => {
    expect(statusOf('unknown_run')).toBe(404);
    expect(statusOf('toString')).toBe(422);
    expect(STATUS_TITLES[statusOf('something_new')]).toBe('Unprocessable Content');
  });

  it('are bounded and well formed, whatever was quoted', async () => {
    const app = new Hono<HttpEnv>();
    const violations = Array.from({ length: 500 }, () => ({
      path: 'x'.repeat(9_000),
      message: '\ud800',
    }));
    const error = { code: 'invalid_input', message: 'y'.repeat(99_999), next: 'z', violations };
    app.get('/', (c) =>
      problemResponse(c, { ...error, changed: 'nothing' }, 409, { 'x-more': '1' }),
    );
    const response = await app.request('/');
    const text = await response.text();
    expect(text.length).toBeLessThan(250_000);
    expect(text.isWellFormed()).toBe(true);
    expect([response.status, response.headers.get('x-more')]).toEqual([409, '1']);
    const problem = JSON.parse(text) as { instance?: string; violations: unknown[] };
    expect(problem.instance).toBeUndefined();
    expect(problem.violations).toHaveLength(100);
  });
});

describe('media types', () => {
  it.each([
    [undefined, 'a/b'],
    ['', 'a/b'],
    ['*/*', 'a/b'],
    ['A/B', 'a/b'],
    ['c/*', 'c/d'],
    ['a/b;q=0.1, c/d;q=0.2', 'c/d'],
    ['*/*;q=0.9, a/b;q=0.1', 'c/d'],
    ['a/b;q=0, */*;q=0', undefined],
    ['text/html', undefined],
    ['nonsense', undefined],
  ])('Accept: %s of a/b and c/d is %s', (header, expected) => {
    expect(acceptedType(header, ['a/b', 'c/d'])).toBe(expected);
  });
});
