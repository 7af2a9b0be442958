import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { DEFAULT_TENANT } from '../../src/application/access/access.ts';
import { GOOD_KEY, READER, startService, type Answer } from './service.ts';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const who = (answer: Answer): unknown => JSON.parse(answer.text);

describe('Host and Origin', () => {
  test('a name of somebody else is refused before a key is looked at', async () => {
    const { ask, asked } = await startService();
    const headers = { host: 'evil.example:7420', ...bearer(GOOD_KEY) };
    for (const path of ['/mcp', '/api/v1/who', '/metrics', '/nowhere'])
      expect(await ask(path, { headers })).toMatchObject({ status: 403, code: 'host_refused' });
    expect(asked).toEqual([]);
  });

  test('a refused name is told as the setting takes it', async () => {
    const { ask } = await startService();
    const { text } = await ask('/api/v1/who', { headers: { host: 'Baton.internal:7420' } });
    expect(JSON.parse(text)).toMatchObject({
      detail: 'This server does not go by the name "baton.internal" (the header Host).',
      next: expect.stringContaining('can add "baton.internal" to the setting') as unknown,
    });
    const allowed = await startService({ allowedHosts: ['baton.internal'] });
    const headers = { host: 'Baton.internal:7420' };
    expect((await allowed.ask('/api/v1/who', { headers })).status).toBe(200);
  });

  test('names of loopback and those of the setting are its own', async () => {
    const { ask } = await startService({ allowedHosts: ['baton.example'] });
    for (const host of ['localhost', '127.0.0.1:1', '[::1]:9', 'baton.example'])
      expect((await ask('/api/v1/who', { headers: { host } })).status).toBe(200);
  });

  test('a foreign page is refused and reads nothing; without an Origin nobody is asked for one', async () => {
    const { ask } = await startService();
    const foreign = ['http://evil.example', 'null', 'http://localhost:3000', 'file://'];
    for (const origin of foreign) {
      const answer = await ask('/mcp', { method: 'POST', headers: { origin }, body: '{}' });
      expect(answer).toMatchObject({ status: 403, code: 'origin_refused' });
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await ask('/api/v1/who')).status).toBe(200);
  });

  test("the server's own pages and allowed origins may call and read, others are told nothing by a preflight", async () => {
    const { ask, url } = await startService({ allowedOrigins: ['https://board.example'] });
    for (const origin of [url, 'https://board.example']) {
      const { status, headers } = await ask('/api/v1/who', { headers: { origin } });
      expect(status).toBe(200);
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(headers.vary).toContain('Origin');
    }
    const preflight = (origin: string) =>
      ask('/mcp', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await preflight('https://board.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-headers']).toContain('Mcp-Session-Id');
    const refused = await preflight('https://evil.example');
    expect(refused.status).toBe(403);
    expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('keys', () => {
  test('on loopback who brings none is the local user; one that is brought is checked all the same', async () => {
    const { ask } = await startService();
    expect(who(await ask('/api/v1/who'))).toEqual({ tenant: DEFAULT_TENANT, key: 'local' });
    expect(who(await ask('/api/v1/who', { headers: bearer(GOOD_KEY) }))).toMatchObject({
      key: READER.key?.name,
    });
    const wrong = await ask('/api/v1/who', { headers: bearer('bok_wrong') });
    expect(wrong).toMatchObject({ status: 401, code: 'key_refused' });
    expect(wrong.headers['www-authenticate']).toBe('Bearer realm="baton", error="invalid_token"');
  });

  test('where one is required nothing but a key in the header lets in', async () => {
    const { ask, asked } = await startService({ auth: 'required' });
    const paths = ['/mcp', '/api/v1/who', '/metrics', '/nowhere', `/mcp?access_token=${GOOD_KEY}`];
    for (const path of paths) {
      for (const forwarded of [false, true]) {
        const headers = forwarded ? { 'x-forwarded-for': '127.0.0.1' } : undefined;
        const answer = await ask(path, headers && { headers });
        expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="baton"');
      }
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b', GOOD_KEY])
      expect(await ask('/api/v1/who', { headers: { authorization } })).toMatchObject({
        status: 401,
        code: 'unauthenticated',
      });
    expect(asked).toEqual([]);
    expect((await ask('/api/v1/who', { headers: bearer(GOOD_KEY) })).status).toBe(200);
  });

  test('the store is asked once a second for a key, and a revoked one is refused within that', async () => {
    const { ask, asked, keys, clock, ended } = await startService();
    const status = async () => (await ask('/api/v1/who', { headers: bearer(GOOD_KEY) })).status;
    expect([await status(), await status()]).toEqual([200, 200]);
    expect(asked).toHaveLength(1);
    keys.delete(GOOD_KEY);
    await clock.advance(1_000);
    expect([await status(), await status()]).toEqual([401, 401]);
    expect(asked).toHaveLength(2);
    expect(ended).toEqual([READER.key?.id]);
  });

  test('who tries many keys is stopped; a key that was good before still goes through', async () => {
    const { ask, asked } = await startService();
    expect((await ask('/api/v1/who', { headers: bearer(GOOD_KEY) })).status).toBe(200);
    const tries = Array.from({ length: 120 }, (_, at) =>
      ask('/api/v1/who', { headers: bearer(`bok_${at}`) }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(asked.length).toBeLessThan(121);
    expect((await ask('/api/v1/who', { headers: bearer(GOOD_KEY) })).status).toBe(200);
  });
});

describe('a proxy on the same machine', () => {
  test('lets nobody in without a key, whatever name it says', async () => {
    const { ask, asked } = await startService();
    const headers = ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Real-IP', 'Via'];
    for (const name of headers) {
      const answer = await ask('/api/v1/who', { headers: { [name]: 'for=127.0.0.1' } });
      expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
      expect(answer.text).toContain('proxy');
    }
    expect(asked).toEqual([]);
    const keyed = { ...bearer(GOOD_KEY), 'x-forwarded-for': '192.0.2.7' };
    expect((await ask('/api/v1/who', { headers: keyed })).status).toBe(200);
  });
});

describe('a flood of keys', () => {
  test('asks the store for few of the keys that look like good ones', async () => {
    const { ask, asked } = await startService();
    const wellFormed = (at: number) => `bok_${String(at).padStart(43, 'q')}`;
    const tries = Array.from({ length: 300 }, (_, at) =>
      ask('/api/v1/who', { headers: bearer(wellFormed(at)) }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses).toContain(429);
    expect(asked.length).toBeLessThan(300);
  });

  test('brings a new good key through while keys that are none are tried', async () => {
    const { ask, keys } = await startService();
    const fresh = 'bok_1234567890123456789012345678901234567890abc';
    keys.set(fresh, { ...READER, key: { id: 'k9', name: 'fresh' } });
    const status = async (key: string) =>
      (await ask('/api/v1/who', { headers: bearer(key) })).status;
    const flood = () => Promise.all(Array.from({ length: 60 }, (_, at) => status(`bok_${at}`)));
    await flood();
    expect(await status(fresh)).toBe(200);
    await flood();
    expect(await status(fresh)).toBe(200);
  });
});

describe('limits', () => {
  test('a caller beyond its rate is told when to come again, others are not', async () => {
    const { ask } = await startService({ ratePerSecond: 2 });
    const local = await Promise.all(Array.from({ length: 12 }, () => ask('/api/v1/who')));
    // Two of the second and a burst of eight; the machine may have taken more than a second for them.
    const refused = local.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ code: 'rate_limited' });
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask('/api/v1/who', { headers: bearer(GOOD_KEY) })).status).toBe(200);
  });

  test('one caller may have half of what goes on at once; what is given back can be had again', async () => {
    const service = await startService({ maxRequests: 2 });
    const first = service.ask('/api/v1/hold');
    await heldBy(service, 1);
    expect(await service.ask('/api/v1/who')).toMatchObject({
      status: 429,
      code: 'too_many_requests',
    });
    const other = service.ask('/api/v1/hold', { headers: bearer(GOOD_KEY) });
    await heldBy(service, 2);
    service.keys.set('bok_third', { ...READER, key: { id: 'k3', name: 'third' } });
    const third = () => service.ask('/api/v1/who', { headers: bearer('bok_third') });
    expect(await third()).toMatchObject({ status: 503, code: 'server_busy' });
    expect((await service.ask('/readyz')).status).toBe(200);
    service.held.release();
    expect((await first).status).toBe(200);
    expect((await other).status).toBe(200);
    expect((await third()).status).toBe(200);
  });

  test('streams are counted apart; a client that is gone gives its slot back', async () => {
    const { url, ask } = await startService({ maxStreams: 1 });
    const headers = { accept: 'text/event-stream' };
    const stream = httpRequest(`${url}/api/v1/events`, { headers, agent: false }).end();
    await once(stream, 'response');
    expect(await ask('/api/v1/events', { headers })).toMatchObject({
      status: 429,
      code: 'too_many_streams',
    });
    expect((await ask('/api/v1/who')).status).toBe(200);
    stream.on('error', () => undefined);
    stream.destroy();
    await expect.poll(() => opens(url, headers)).toBe(200);
  });
});

async function opens(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const stream = httpRequest(`${url}/api/v1/events`, { headers, agent: false }).end();
  const [{ statusCode }] = (await once(stream, 'response')) as [{ statusCode?: number }]; // as node:http emits it
  stream.on('error', () => undefined);
  stream.destroy();
  return statusCode;
}

async function heldBy(
  { held }: { readonly held: { readonly count: number } },
  count: number,
): Promise<void> {
  await expect.poll(() => held.count).toBe(count);
}

describe('what is served', () => {
  test('every answer has an id of the server and is not to be kept or guessed at', async () => {
    const { ask } = await startService();
    const { headers } = await ask('/api/v1/who', { headers: { 'x-request-id': 'mine' } });
    expect(headers['x-request-id']).toMatch(/^[a-z0-9]{26}$/);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('an unknown path and a defect are problems that tell nothing of the inside', async () => {
    const { ask } = await startService();
    expect(await ask('/nowhere')).toMatchObject({ status: 404, code: 'not_found' });
    const broken = await ask('/api/v1/broken');
    expect(broken).toMatchObject({ status: 500, code: 'internal_error' });
    expect(broken.text).not.toContain('secret');
  });

  test('figures are for who may read runs of the first tenant, and for nobody of another', async () => {
    const { ask, keys } = await startService();
    const status = async (tenant: string, scope: 'runs:read' | 'runs:write' | 'admin') => {
      const key = `bok_${tenant}_${scope.replace(':', '_')}`;
      keys.set(key, { tenant, scopes: new Set([scope]), key: { id: key, name: key } });
      return (await ask('/metrics', { headers: bearer(key) })).status;
    };
    expect(await status('default', 'runs:read')).toBe(200);
    expect(await status('default', 'runs:write')).toBe(403);
    expect(await status('other', 'runs:read')).toBe(403);
    expect(await status('default', 'admin')).toBe(403);
    expect(await status('other', 'admin')).toBe(403);
    expect((await ask('/metrics')).text).toBe('figures');
  });

  test('probes and figures are only read: 405 with the methods that they take', async () => {
    const { ask } = await startService();
    for (const path of ['/healthz', '/readyz', '/metrics'])
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const refused = await ask(path, { method });
        expect(refused).toMatchObject({ status: 405, code: 'method_not_allowed' });
        expect(refused.headers.allow).toBe('GET, HEAD');
      }
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await ask(path, { method: 'HEAD' })).status).toBe(200);
  });

  test('who asks whether it lives needs neither a key nor a name; readiness is the store that answers', async () => {
    const clockless = await startService({ auth: 'required' });
    const headers = { host: '10.1.2.3:7420' };
    expect(await clockless.ask('/healthz', { headers })).toMatchObject({ status: 200 });
    expect(await clockless.ask('/readyz', { headers })).toMatchObject({ status: 200 });
    const away = await startService({}, { store: { ...clockless.store, getValue: failing } });
    expect(await away.ask('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"store_unavailable"}',
    });
  });
});

async function failing(): Promise<never> {
  throw new Error('it is away');
}
