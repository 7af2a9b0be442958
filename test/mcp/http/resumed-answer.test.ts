import { expect, it } from 'vitest';
import { RELEASE } from '../../application/definitions.ts';
import { eventsOf, openSession } from './by-hand.ts';
import { serveHttp, type ServedHttp } from './connect-http.ts';

const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });

const resume = (served: ServedHttp, session: string, lastEventId?: string) =>
  fetch(served.url, {
    headers: {
      accept: 'text/event-stream',
      'mcp-session-id': session,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });

// Gemini CLI 0.61 comes back to each stream a second after its answer, and gives the server up when it is refused by 409.
it('a stream that has ended with its answer is offered to nobody again', async () => {
  const served = await serveHttp();
  const session = await openSession(served);
  const standing = eventsOf(await resume(served, session));
  const answered = eventsOf(await served.post(ping(1), { 'mcp-session-id': session }));
  const answer = await answered.next();
  expect(answer?.data).toMatchObject({ id: 1, result: {} });
  expect(await answered.next()).toBeUndefined();
  const refused = await resume(served, session, answer?.id);
  expect(refused.status).toBe(405);
  expect(refused.headers.get('allow')).toBe('GET, POST, DELETE');
  expect(await refused.json()).toMatchObject({
    error: { message: expect.stringContaining('has ended with it') as unknown },
  });
  expect((await served.post(ping(2), { 'mcp-session-id': session })).status).toBe(200);
  await standing.close();
});

it('the stream of a batch goes on behind the first of its answers', async () => {
  const served = await serveHttp();
  const { bench } = served;
  await bench.register(RELEASE);
  await bench.announce('shell:make');
  const run_id = await bench.start('release');
  const session = await openSession(served);
  const params = { name: 'await_workflow', arguments: { run_id } };
  const batch = [ping(1), { jsonrpc: '2.0', id: 2, method: 'tools/call', params }];
  const stream = eventsOf(await served.post(batch, { 'mcp-session-id': session }));
  const first = await stream.next();
  expect(first?.data).toMatchObject({ id: 1 });
  await stream.close();
  const again = await resume(served, session, first?.id);
  expect(again.status).toBe(200);
  await bench.clock.advance(25_000);
  const last = await eventsOf(again).next();
  expect(last?.data).toMatchObject({ id: 2, result: { structuredContent: { run_id } } });
  expect((await resume(served, session, last?.id)).status).toBe(405);
});
