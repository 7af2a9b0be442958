import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { readRequest, RespFrames } from './resp-frames.ts';

const PING = '*1\r\n$4\r\nPING\r\n';
const COMMIT = '*3\r\n$5\r\nfcall\r\n$25\r\nbaton_0123456789ab_commit\r\n$1\r\n1\r\n';

let folder: string;
let upstream: Server;
let proxy: FaultProxy;
let client: Socket;
/** What the server behind the proxy was sent. */
let received: string;
let chunks: Buffer[];

/** Answers +1, +2, … to whatever frame it gets. */
function answerAll(socket: Socket): void {
  const frames = new RespFrames();
  let count = 0;
  socket.on('error', () => undefined); // cut off by the proxy
  socket.on('data', (bytes) => {
    received += bytes.toString();
    socket.write(
      frames
        .push(bytes)
        .map(() => `+${(count += 1)}\r\n`)
        .join(''),
    );
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-proxy-'));
  received = '';
  chunks = [];
  upstream = createServer(answerAll).listen(join(folder, 'redis.sock'));
  await once(upstream, 'listening');
  proxy = await startFaultProxy(join(folder, 'redis.sock'));
  client = createConnection(Number(new URL(proxy.url).port), '127.0.0.1');
  client.setNoDelay(true);
  client.on('data', (bytes) => chunks.push(bytes));
  await once(client, 'connect');
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  upstream.close();
  rmSync(folder, { recursive: true });
});

async function heard(text: string): Promise<void> {
  while (Buffer.concat(chunks).toString() !== text) await once(client, 'data');
}

/** With which error the connection ended. */
async function ended(): Promise<unknown> {
  const error = once(client, 'error').then(([reason]: unknown[]) => reason);
  return Promise.race([error, once(client, 'end').then(() => 'end')]);
}

describe('the proxy in front of Redis', () => {
  it('passes everything on in order', async () => {
    client.write(PING + COMMIT + PING);
    await heard('+1\r\n+2\r\n+3\r\n');
    expect(received).toBe(PING + COMMIT + PING);
  });

  it('keeps back the request that a trap of "before" is set for, and what comes after it', async () => {
    let isSprung = false;
    proxy.setTrap({
      when: 'before',
      matches: ({ operation }) => operation === 'commit',
      spring: () => (isSprung = true),
    });
    const end = ended();
    client.write(PING + COMMIT + PING);
    expect(await end).toMatchObject({ code: 'ECONNRESET' });
    expect(isSprung).toBe(true);
    expect(received).not.toContain('commit');
  });

  it('lets the request of a trap of "after" through, and swallows its answer alone', async () => {
    const sprung = Promise.withResolvers<undefined>();
    proxy.setTrap({
      when: 'after',
      matches: ({ operation }) => operation === 'commit',
      spring: () => sprung.resolve(undefined),
    });
    const end = ended();
    client.write(PING + PING);
    await heard('+1\r\n+2\r\n');
    client.write(COMMIT + PING);
    await sprung.promise;
    expect(await end).toMatchObject({ code: 'ECONNRESET' });
    expect(received).toContain('commit');
    expect(Buffer.concat(chunks).toString()).toBe('+1\r\n+2\r\n');
  });

  it('holds everything back in a black hole, and delivers it when that is healed', async () => {
    client.write(PING);
    await heard('+1\r\n');
    proxy.setMode({ kind: 'hold' });
    client.write(COMMIT);
    const other = createConnection(Number(new URL(proxy.url).port), '127.0.0.1');
    await once(other, 'connect');
    expect(received).toBe(PING);
    proxy.setMode({ kind: 'pass' });
    await heard('+1\r\n+2\r\n');
    other.destroy();
  });

  it('delays and cuts into single bytes without losing any', async () => {
    proxy.setMode({ kind: 'delay', delayMs: 20 });
    const sentAtMs = performance.now();
    client.write(PING);
    await heard('+1\r\n');
    expect(performance.now() - sentAtMs).toBeGreaterThanOrEqual(38);
    proxy.setMode({ kind: 'bytes' });
    client.write(COMMIT);
    await heard('+1\r\n+2\r\n');
    expect(received).toBe(PING + COMMIT);
    expect(chunks.length).toBeGreaterThan(2);
  });

  it('resets connections, and refuses new ones', async () => {
    client.write(PING);
    await heard('+1\r\n');
    const end = ended();
    expect(proxy.resetAll()).toBe(1);
    expect(await end).toMatchObject({ code: 'ECONNRESET' });
    proxy.setMode({ kind: 'refuse' });
    const refused = createConnection(Number(new URL(proxy.url).port), '127.0.0.1');
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNRESET' }]);
  });
});

describe('the frames of the Redis protocol', () => {
  const reply = '*3\r\n:1\r\n$-1\r\n*2\r\n$4\r\na\r\nb\r\n-ERR no\r\n';

  it('are found wherever the stream is cut', () => {
    const stream = Buffer.from(COMMIT + reply + PING);
    for (let at = 1; at < stream.length; at += 1) {
      const frames = new RespFrames();
      const found = [...frames.push(stream.subarray(0, at)), ...frames.push(stream.subarray(at))];
      expect(found.map(String)).toEqual([COMMIT, reply, PING]);
    }
  });

  it('that are requests tell what is asked, in the words of Baton', () => {
    expect(readRequest(Buffer.from(COMMIT)).operation).toBe('commit');
    expect(readRequest(Buffer.from(PING)).operation).toBe('PING');
  });

  it('refuses what is no RESP2', () => {
    expect(() => new RespFrames().push(Buffer.from('%1\r\n'))).toThrow('RESP2');
  });
});
