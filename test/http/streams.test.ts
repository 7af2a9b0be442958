import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { watchStream } from '../../src/http/watched-stream.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { GOOD_KEY, startService, type TestService } from './service.ts';

const KEEP_ALIVE = ': keep-alive\n\n';

function watched(isAllowed: () => boolean = () => true) {
  const clock = createManualClock();
  const broken: unknown[] = [];
  const source = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 1,
  });
  const writer = source.writable.getWriter();
  const reader = watchStream(source.readable, {
    clock,
    isAllowed: async () => isAllowed(),
    onBroken: (error) => broken.push(error),
  }).getReader();
  const write = (text: string) => void writer.write(new TextEncoder().encode(text));
  const read = async () => {
    const { done, value } = await reader.read();
    return done ? 'the end' : new TextDecoder().decode(value);
  };
  return { clock, writer, reader, write, read, broken };
}

describe('a watched stream', () => {
  test('says something after five seconds of silence, and passes what comes', async () => {
    const { clock, write, read } = watched();
    const first = read();
    await clock.advance(4_999);
    write('data: 1\n\n');
    expect(await first).toBe('data: 1\n\n');
    const second = read();
    await clock.advance(5_000);
    expect(await second).toBe(KEEP_ALIVE);
  });

  test('puts no comment into the midst of an event', async () => {
    const { clock, write, read } = watched();
    write('data: begi');
    expect(await read()).toBe('data: begi');
    const next = read();
    await clock.advance(5_000);
    expect(await next).toBe('');
    write('nning\n\n');
    expect(await read()).toBe('nning\n\n');
  });

  test('ends when its reader is not let in any more, though events come all the time', async () => {
    let isAllowed = true;
    const { clock, write, read } = watched(() => isAllowed);
    for (let at = 0; at < 3; at += 1) {
      write(`data: ${at}\n\n`);
      expect(await read()).toBe(`data: ${at}\n\n`);
      await clock.advance(2_000);
    }
    isAllowed = false;
    write('data: too late\n\n');
    expect(await read()).toBe('the end');
  });

  test('ends without a word of what broke its source', async () => {
    const { writer, read, broken } = watched();
    const next = read();
    await writer.abort(new Error('the secret of the house'));
    expect(await next).toBe('the end');
    expect(broken).toHaveLength(1);
  });

  test('frees its source when the client is gone, in the midst of a wait too', async () => {
    const { writer, reader, read } = watched();
    const waiting = read();
    await reader.cancel('gone');
    expect(await waiting).toBe('the end');
    await expect(writer.closed).rejects.toBeDefined();
  });

  test('leaves no trace of its looks while nothing comes', async () => {
    const { clock, read } = watched();
    for (let at = 0; at < 100; at += 1) {
      const next = read();
      await clock.advance(5_000);
      expect(await next).toBe(KEEP_ALIVE);
      expect(clock.sleeping()).toBe(0);
    }
  });
});

test("over HTTP a stream ends within seconds after its reader's key was revoked", async () => {
  const service = await startService();
  const { text, ended } = await follow(service);
  await expect.poll(text).toBe('data: first\n\n');
  await passed(service, 5_000);
  await expect.poll(text).toBe(`data: first\n\n${KEEP_ALIVE}`);
  service.keys.delete(GOOD_KEY);
  await passed(service, 5_000);
  await ended;
  expect(text()).toBe(`data: first\n\n${KEEP_ALIVE}`);
});

/** Lets time pass as soon as the stream waits for it. */
async function passed({ clock }: TestService, ms: number): Promise<void> {
  await expect.poll(() => clock.sleeping()).toBeGreaterThan(0);
  await clock.advance(ms);
}

async function follow({ url }: TestService) {
  const headers = { authorization: `Bearer ${GOOD_KEY}`, accept: 'text/event-stream' };
  const request = httpRequest(`${url}/api/v1/events`, { headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage]; // as node:http emits it
  let text = '';
  response.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { text: () => text, ended: once(response, 'end') };
}
