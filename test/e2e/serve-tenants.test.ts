import { expect, test } from 'vitest';
import { getJson, postJson, ServerPlace } from './baton-server.ts';

const WORK = `
name: work
steps:
  - { id: look, uses: agent, with: { capability: review, instructions: Look at the secret. } }
`;

interface Tenant {
  readonly key: string;
  readonly headers: Record<string, string>;
}

function keyOf(place: ServerPlace, name: string, tenant: string, scopes: string): Tenant {
  const args = ['--tenant', tenant, '--scopes', scopes];
  const key = place.run('keys', 'create', name, ...args).stdout.trim();
  return { key, headers: { authorization: `Bearer ${key}` } };
}

test('keys of two tenants at one server: each its own, a forged hint and a revoked key nothing', async () => {
  const place = new ServerPlace();
  const scopes = 'runs:read,runs:write,agents:work';
  const acme = keyOf(place, 'builder', 'acme', scopes);
  const rival = keyOf(place, 'builder', 'rival', `${scopes},admin,approvals:resolve`);
  const { url } = await place.serve([], { BATON_HTTP_AUTH: 'required' });
  const api = `${url}/api/v1`;
  const started: string[] = [];
  for (const { headers } of [acme, rival]) {
    const defined = await postJson(`${api}/definitions`, { definition: WORK }, headers);
    expect(defined).toMatchObject({ status: 201, body: { version: 1 } });
    const again = { ...headers, 'idempotency-key': 'same' };
    const run = await postJson(`${api}/workflows`, { type: 'work' }, again);
    expect(run.status).toBe(201);
    started.push(String(run.body['workflow_id']));
  }
  const [acmes = '', rivals = ''] = started;
  const read = async (runId: string, { headers }: Tenant): Promise<unknown> => {
    const told = await getJson(`${api}/workflows/${runId}`, headers);
    // Names the request.
    delete told.body['instance'];
    return JSON.parse(JSON.stringify(told).replaceAll(runId, '<id>'));
  };
  expect(await read(acmes, acme)).toMatchObject({ status: 200 });
  const unknown = await read('f'.repeat(acmes.length), rival);
  expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown_run' } });
  expect(await read(acmes, rival)).toEqual(unknown);
  const claim = { agent_id: 'twin', capabilities: ['review'] };
  for (const expected of [rivals, undefined]) {
    const claimed = await postJson(
      `${api}/tasks/claim`,
      { ...claim, cursor: expected },
      rival.headers,
    );
    expect(claimed.body['task']).toEqual(
      expected && expect.objectContaining({ workflow_id: expected }),
    );
  }
  // Whatever a key says of its tenant, only the text that was given out is one.
  const forged = rival.key.replace('bok_rival_', 'bok_acme_');
  const refused = await getJson(`${api}/workflows`, { authorization: `Bearer ${forged}` });
  expect(refused).toMatchObject({ status: 401, body: { code: 'key_refused' } });
  expect((await fetch(`${url}/metrics`, { headers: rival.headers })).status).toBe(403);
  const scraper = keyOf(place, 'scraper', 'default', 'runs:read');
  const figures = await (await fetch(`${url}/metrics`, { headers: scraper.headers })).text();
  expect(figures).toContain('baton_workers 1');
  expect(figures).not.toMatch(/acme|rival|review/);
  expect(place.run('keys', 'revoke', 'builder', '--tenant', 'rival').code).toBe(0);
  await expect
    .poll(async () => getJson(`${api}/workflows`, rival.headers), { timeout: 5_000 })
    .toEqual({ ...refused, body: expect.objectContaining({ code: 'key_refused' }) as unknown });
  expect((await getJson(`${api}/workflows`, acme.headers)).status).toBe(200);
});
