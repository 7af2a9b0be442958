import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { startService, type TestService } from './service.ts';

/** A clock that the test does not move: what is under way may take as long as it wants. */
const GRACE = { graceMs: 10_000 };

async function withHeld(count: number): Promise<{
  service: TestService;
  answers: Promise<{ status: number }>[];
}> {
  const service = await startService();
  const answers = Array.from({ length: count }, () => service.ask('/api/v1/hold'));
  await expect.poll(() => service.held.count).toBe(count);
  return { service, answers };
}

describe('a service that closes', () => {
  test('answers what it has accepted, takes no more, and frees the port', async () => {
    const { service, answers } = await withHeld(20);
    const closed = service.close(GRACE);
    await expect(service.ask('/api/v1/who')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    service.held.release();
    for (const answer of answers) expect((await answer).status).toBe(200);
    await closed;
  });

  test('refuses what comes on a connection that is open, and is not ready', async () => {
    const { service, answers } = await withHeld(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // The connection is busy with a body that is still to come, so that closing leaves it open.
    const late = httpRequest(`${service.url}/api/v1/echo`, { method: 'POST', agent });
    late.write('x');
    await once(late, 'socket');
    await expect.poll(() => late.socket?.connecting).toBe(false);
    const closed = service.close(GRACE);
    late.end('y');
    const [response] = (await once(late, 'response')) as [IncomingMessage]; // as node:http emits it
    const { statusCode, headers } = response;
    // Accepted before the close or not: never a cut connection, and none that stays.
    expect([200, 503]).toContain(statusCode);
    if (statusCode === 503) expect(await readText(response)).toContain('shutting_down');
    expect(headers.connection).toBe('close');
    service.held.release();
    await Promise.all([closed, ...answers]);
    agent.destroy();
  });

  test('cuts what is not answered within the grace', async () => {
    const { service, answers } = await withHeld(1);
    const refused = expect(answers[0]).rejects.toMatchObject({ code: 'ECONNRESET' });
    const closed = service.close(GRACE);
    await expect.poll(() => service.clock.sleeping()).toBeGreaterThan(0);
    await service.clock.advance(GRACE.graceMs);
    await closed;
    await refused;
  });

  test('ends the sessions and waits of its endpoints first', async () => {
    const told: string[] = [];
    const service = await startService(
      {},
      {
        endWaits: () => told.push('waits'),
        mcp: {
          fetch: async () => new Response(null),
          endKey: async () => undefined,
          close: async ({ graceMs }) => void told.push(`sessions within ${graceMs}`),
        },
      },
    );
    await service.close(GRACE);
    expect(told).toEqual(['waits', 'sessions within 10000']);
  });
});
