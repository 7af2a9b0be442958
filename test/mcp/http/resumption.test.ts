import { setImmediate as turn } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveConnections } from '../../../src/mcp/http/serve-connections.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { startMcpHttp } from '../../support/mcp-http.ts';
import { createSeededIds } from '../../support/seeded-ids.ts';
import { collectingLogger } from '../connect.ts';
import { eventsOf, initialize } from './by-hand.ts';

const MESSAGES = 400;

/** A server whose one tool says a great many things before it answers. */
function talkative(): McpServer {
  const mcp = new McpServer({ name: 'talkative', version: '1' }, { capabilities: { tools: {} } });
  mcp.server.setRequestHandler('tools/call', async (_request, { mcpReq }) => {
    for (let at = 0; at < MESSAGES; at += 1) {
      const params = { progressToken: 'p', progress: at };
      await mcpReq.notify({ method: 'notifications/progress', params });
      if (at % 3 === 0) await turn();
    }
    return { content: [] };
  });
  return mcp;
}

describe('a stream that is cut again and again while the server goes on talking', () => {
  it.each([1, 2, 3])('loses no message and repeats none (seed %i)', async (seed) => {
    const endpoint = serveConnections({
      connect: () => ({ build: talkative }),
      clock: createManualClock(),
      logger: collectingLogger().logger,
    });
    const http = await startMcpHttp({ endpoint });
    onTestFinished(() => http.close());
    const ids = createSeededIds(seed);
    const send = (body: unknown, headers: Record<string, string>) =>
      fetch(http.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
          ...headers,
        },
        body: JSON.stringify(body),
      });
    const opened = await send(initialize(), {});
    await opened.text();
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'talk' } };

    const heard: unknown[] = [];
    let cuts = 0;
    let stream = eventsOf(await send(call, session));
    let lastId: string | undefined;
    for (;;) {
      // Some are hung up on before the first message, some much later.
      const wanted = Math.floor(ids.random() * 25);
      let isOver = false;
      for (let at = 0; at <= wanted && !isOver; at += 1) {
        const event = await stream.next();
        isOver = event === undefined;
        if (event?.id !== undefined) lastId = event.id;
        if (event?.data !== undefined) heard.push(event.data);
      }
      if (isOver) break;
      await stream.close();
      cuts += 1;
      const headers = { ...session, accept: 'text/event-stream', 'last-event-id': lastId ?? '' };
      stream = eventsOf(await fetch(http.url, { headers }));
    }
    expect(cuts).toBeGreaterThan(10);
    expect(heard).toHaveLength(MESSAGES + 1);
    for (const [at, message] of heard.slice(0, MESSAGES).entries())
      expect(message).toMatchObject({ params: { progress: at } });
    expect(heard.at(-1)).toMatchObject({ id: 1, result: { content: [] } });
  });
});
