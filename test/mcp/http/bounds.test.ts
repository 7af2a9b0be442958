import { describe, expect, it, vi } from 'vitest';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { boundedStream } from '../../../src/mcp/http/bounded-stream.ts';
import { EventBudget, EventLog } from '../../../src/mcp/http/event-log.ts';

const notice = (at: number): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { at },
});

function source() {
  const cancel = vi.fn();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (made) => void (controller = made),
    cancel,
  });
  return { stream, cancel, send: (size: number) => controller?.enqueue(new Uint8Array(size)) };
}

/** Lets streams hand on what they hold. */
const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('a stream to a client', () => {
  it('is cut when the client does not read, and frees what it held', async () => {
    const { stream, cancel, send } = source();
    const onEnd = vi.fn();
    const { signal } = new AbortController();
    const bounded = boundedStream(stream, { backlogBytes: 1_000, signal, onEnd });
    for (let at = 0; at < 10; at += 1) send(100);
    await settle();
    expect(onEnd).not.toHaveBeenCalled();
    for (let at = 0; at < 3; at += 1) send(100);
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
    expect(cancel).toHaveBeenCalledTimes(1);
    await expect(bounded.getReader().read()).rejects.toThrow('does not read');
  });

  it('passes one message of any size, and any number to a client that reads', async () => {
    const { stream, send } = source();
    const onEnd = vi.fn();
    const { signal } = new AbortController();
    const reader = boundedStream(stream, { backlogBytes: 1_000, signal, onEnd }).getReader();
    for (let at = 0; at < 50; at += 1) {
      send(5_000);
      expect((await reader.read()).value).toHaveLength(5_000);
    }
    expect(onEnd).not.toHaveBeenCalled();
    await reader.cancel();
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
  });

  it('ends with its request', async () => {
    const { stream, cancel } = source();
    const onEnd = vi.fn();
    const ending = new AbortController();
    const reader = boundedStream(stream, {
      backlogBytes: 1_000,
      signal: ending.signal,
      onEnd,
    }).getReader();
    const read = reader.read();
    ending.abort();
    expect(await read).toMatchObject({ done: true });
    expect(cancel).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
  });
});

describe('the messages kept for clients whose stream was cut', () => {
  const replay = async (log: EventLog, from: string): Promise<unknown[]> => {
    const seen: unknown[] = [];
    await log.replayEventsAfter(from, {
      send: (_id, message) => {
        seen.push(message);
        return Promise.resolve();
      },
    });
    return seen;
  };

  it('are those of the same stream, in their order', async () => {
    const log = new EventLog({ events: 10, bytes: 10_000 }, new EventBudget(10_000));
    const first = await log.storeEvent('a', notice(1));
    await log.storeEvent('b', notice(2));
    await log.storeEvent('a', notice(3));
    await log.storeEvent('a', notice(4));
    expect(await replay(log, first)).toEqual([notice(3), notice(4)]);
  });

  it('lose none that comes in the midst of being sent again', async () => {
    const log = new EventLog({ events: 10, bytes: 10_000 }, new EventBudget(10_000));
    const first = await log.storeEvent('a', notice(1));
    await log.storeEvent('a', notice(2));
    const order: string[] = [];
    let late: Promise<unknown> | undefined;
    const replayed = log
      .replayEventsAfter(first, {
        send: () => {
          late ??= log.storeEvent('a', notice(3)).then(() => order.push('stored'));
          return Promise.resolve();
        },
      })
      .then(() => order.push('replayed'));
    await replayed;
    await late;
    // Whoever stored it looks for the stream when the replay has put it in place.
    expect(order).toEqual(['replayed', 'stored']);
  });

  it('are the newest, within the bounds of each session and of all', async () => {
    const size = JSON.stringify(notice(1)).length;
    const budget = new EventBudget(size * 5);
    const limits = { events: 4, bytes: size * 100 };
    const [large, small] = [new EventLog(limits, budget), new EventLog(limits, budget)];
    const ids: string[] = [];
    for (let at = 0; at < 6; at += 1) ids.push(await large.storeEvent('a', notice(at)));
    expect(ids.map((id) => large.has(id))).toEqual([false, false, true, true, true, true]);
    const kept = [await small.storeEvent('a', notice(1)), await small.storeEvent('a', notice(2))];
    expect(kept.map((id) => small.has(id))).toEqual([true, true]);
    // Who held most gave way.
    expect(large.bytes).toBe(size * 3);
    expect(budget.bytes).toBe(size * 5);
    large.close();
    expect(budget.bytes).toBe(size * 2);
    await large.storeEvent('a', notice(9));
    expect(budget.bytes).toBe(size * 2);
  });
});
