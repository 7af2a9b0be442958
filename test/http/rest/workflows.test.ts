import { describe, expect, it } from 'vitest';
import { GREET, RELEASE } from '../../application/definitions.ts';
import { createRig } from './rig.ts';

describe('POST /workflows', () => {
  it('starts a run and says where it is', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const started = await rig.post('/workflows', { type: 'greet', input: { who: 'you' } });
    expect(started.status).toBe(201);
    const location = started.headers.get('location') ?? '';
    expect(location).toBe(`/api/v1/workflows/${String(started.field('workflow_id'))}`);
    expect(started.json).toMatchObject({
      type: 'greet',
      status: 'completed',
      progress_percentage: 100,
      output: { text: 'hello you' },
    });
  });

  it('starts once for one Idempotency-Key, quoted or not, and refuses another request under it', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const start = (who: string, key: string) =>
      rig.post('/workflows', { type: 'greet', input: { who } }, { 'idempotency-key': key });
    const first = await start('you', 'k-1');
    const again = await start('you', '"k-1"');
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toMatchObject({
      workflow_id: first.field('workflow_id'),
      duplicate: true,
    });
    const other = await start('me', 'k-1');
    expect([other.status, other.field('code')]).toEqual([422, 'idempotency_key_reused']);
    expect((await start('you', 'x'.repeat(201))).field('violations', 0, 'path')).toBe(
      'header.Idempotency-Key',
    );
  });

  it('tells all that is wrong with a request at once, with its places', async () => {
    const refused = await createRig().post('/workflows?dry=1', {
      typ: 'greet',
      wait_seconds: 'no',
    });
    expect([refused.status, refused.type]).toEqual([422, 'application/problem+json']);
    expect(refused.json).toMatchObject({
      type: 'urn:baton:error:invalid_arguments',
      title: 'Unprocessable Content',
      status: 422,
      instance: 'urn:baton:request:r1',
      code: 'invalid_arguments',
      changed: 'nothing',
      violations: [
        { path: 'query.dry', message: 'is not known here' },
        { path: 'body.type' },
        { path: 'body.wait_seconds' },
        { path: 'body.typ', suggestion: 'type' },
      ],
    });
  });
});

describe('GET /workflows', () => {
  it('pages through runs by the Link header, newest first, and filters them', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    await rig.bench.register(RELEASE);
    for (const who of ['a', 'b', 'c']) await rig.bench.start('greet', { who });
    const release = await rig.bench.start('release');
    const seen: unknown[] = [];
    let path: string | undefined = '/workflows?limit=2';
    while (path !== undefined) {
      const page = await rig.get(path);
      expect(page.status).toBe(200);
      seen.push(
        page.field('workflows', 0, 'workflow_id'),
        page.field('workflows', 1, 'workflow_id'),
      );
      path = /^<\/api\/v1(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toHaveLength(4);
    expect(new Set(seen).size).toBe(4);
    expect(seen).toContain(release);
    const running = await rig.get('/workflows?status=running&type=release');
    expect(running.json).toMatchObject({
      workflows: [{ workflow_id: release, type: 'release', status: 'running' }],
    });
    expect(running.headers.get('link')).toBeNull();
  });

  it('refuses a parameter that is misspelt or given twice, and a cursor that is none', async () => {
    const rig = createRig();
    const misspelt = await rig.get('/workflows?statuss=failed');
    expect(misspelt.field('violations', 0)).toMatchObject({
      path: 'query.statuss',
      suggestion: 'status',
    });
    expect((await rig.get('/workflows?limit=1&limit=2')).status).toBe(422);
    expect((await rig.get('/workflows?cursor=nonsense')).field('code')).toBe('invalid_cursor');
  });
});

describe('numbers', () => {
  const range = (from: number, to: number) => `must be a whole number from ${from} to ${to}`;
  it.each([
    ['/workflows/x?wait_seconds=26', range(0, 25)],
    ['/workflows/x?wait_seconds=-1', range(0, 25)],
    ['/workflows/x?wait_seconds=99999999999', range(0, 25)],
    ['/workflows/x?wait_seconds=soon', range(0, 25)],
    ['/workflows?limit=0', range(1, 50)],
    ['/workflows?limit=100', range(1, 50)],
    ['/workflows/x/stages?limit=501', range(1, 500)],
  ])('%s: %s', async (path, message) => {
    const refused = await createRig().get(path);
    expect([refused.status, refused.field('violations', 0, 'message')]).toEqual([422, message]);
  });

  it('in a body have the same bounds in the same words', async () => {
    const body = { type: 'greet', wait_seconds: 26 };
    const refused = await createRig().post('/workflows', body);
    expect(refused.field('violations')).toEqual([
      { path: 'body.wait_seconds', message: range(0, 25) },
    ]);
  });
});

describe('GET /workflows/{id}', () => {
  it('shows the stage it is at, the outputs so far and where to go from there', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    await rig.bench.announce('shell:make');
    expect((await rig.get(`/workflows/${id}`)).json).toMatchObject({
      current_stage: 'build',
      progress_percentage: 0,
      stage_outputs: {},
    });
    await rig.bench.complete(await rig.bench.claim('shell:make'), { made: 3 });
    const read = await rig.get(`/workflows/${id}`);
    expect(read.json).toMatchObject({
      workflow_id: id,
      type: 'release',
      definition_version: 1,
      status: 'running',
      current_stage: 'gate',
      current_stages: ['gate'],
      progress_percentage: 33,
      stage_outputs: { build: { made: 3 } },
      stage_outputs_left_out: [],
    });
    for (const name of [
      'self',
      'stages',
      'history',
      'graph',
      'explanation',
      'approvals',
      'definition',
    ]) {
      const linked = await rig.get(String(read.field('links', name)).replace('/api/v1', ''));
      expect([name, linked.status]).toEqual([name, 200]);
    }
  });

  it('has its version as ETag: unchanged is 304, changed is not', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    const read = await rig.get(`/workflows/${id}`);
    const etag = read.headers.get('etag') ?? '';
    expect(etag).toBe(`"${String(read.field('version'))}"`);
    const unchanged = await rig.get(`/workflows/${id}`, { 'if-none-match': `"99", W/${etag}` });
    expect([unchanged.status, unchanged.text]).toEqual([304, '']);
    expect(unchanged.headers.get('etag')).toBe(etag);
    await rig.post(`/workflows/${id}/pause`);
    const changed = await rig.get(`/workflows/${id}`, { 'if-none-match': etag });
    expect([changed.status, changed.field('status')]).toEqual([200, 'paused']);
  });

  it('is 304 for `If-None-Match: *` wherever it exists, at once', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    const any = { 'if-none-match': ' * ' };
    for (const query of ['', '?wait_seconds=25']) {
      const known = await rig.get(`/workflows/${id}${query}`, any);
      expect([known.status, known.text]).toEqual([304, '']);
      expect(known.headers.get('etag')).toMatch(/^"\d+"$/);
    }
    expect((await rig.get('/workflows/nobody', any)).status).toBe(404);
  });

  it('waits for the end, and with an ETag for any change', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    await rig.bench.announce('shell:make');
    const etag = (await rig.get(`/workflows/${id}`)).headers.get('etag') ?? '';
    const inVain = rig.get(`/workflows/${id}?wait_seconds=5`, { 'if-none-match': etag });
    await rig.bench.outlast(5_000);
    expect((await inVain).status).toBe(304);
    const waiting = rig.get(`/workflows/${id}?wait_seconds=20`, { 'if-none-match': etag });
    const forEnd = rig.get(`/workflows/${id}?wait_seconds=20`);
    await rig.bench.outlast(1_000);
    await rig.bench.announce('shell:make');
    await rig.bench.complete(await rig.bench.claim('shell:make'), null);
    await rig.bench.outlast(1_000);
    expect((await waiting).field('current_stage')).toBe('gate');
    // It waits for a signal now: somebody has to act.
    expect((await forEnd).field('current_stage')).toBe('gate');
  });

  it('says what it needs where it was waited for in vain, under an ETag that promises less', async () => {
    const rig = createRig();
    await rig.bench.register(
      'name: ask\nsteps: [{ id: look, uses: agent, with: { capability: review, instructions: Look. } }]',
    );
    const id = await rig.bench.start('ask');
    const read = await rig.get(`/workflows/${id}`);
    expect(read.field('attention')).toBeUndefined();
    const waited = await rig.get(`/workflows/${id}?wait_seconds=20`);
    expect(waited.headers.get('etag')).toBe(`W/${read.headers.get('etag') ?? ''}`);
    expect(waited.json).toMatchObject({
      attention: [
        {
          kind: 'no_worker',
          step: 'look',
          next: 'POST /api/v1/tasks/claim {"agent_id":"your-name","capabilities":["review"]}',
        },
      ],
    });
  });

  it('ends a wait when the server does, with what is true then', async () => {
    const ending = new AbortController();
    const rig = createRig({ shutdown: ending.signal });
    await rig.bench.register('name: long\nsteps: [{ id: nap, uses: wait, with: { for: 1h } }]');
    const id = await rig.bench.start('long');
    const waiting = rig.get(`/workflows/${id}?wait_seconds=20`);
    await rig.bench.outlast(1_000);
    ending.abort();
    expect((await waiting).json).toMatchObject({ status: 'running', attention: [] });
    expect(rig.bench.clock.sleeping()).toBe(0);
  });

  it('knows no run of another name', async () => {
    const missing = await createRig().get('/workflows/nobody');
    expect([missing.status, missing.field('code')]).toEqual([404, 'unknown_run']);
  });
});
