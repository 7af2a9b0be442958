import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingRedis, redisSuite, type RedisServer } from '../../support/redis-server.ts';
import { AskedProcess } from './asked-process.ts';
import type { BenchRequest, Sample } from './bench-process.ts';
import { PrototypeStore } from './prototype-store.ts';
import { redisCpuMicros, redisMemoryBytes, socketOf, startBenchRedis } from './redis-usage.ts';
import {
  atLeast,
  below,
  interleaved,
  medians,
  ratioBar,
  showBars,
  showNumber,
  showSection,
  type Row,
} from './report.ts';

describe('the report', () => {
  test('meets a ratio at its limit, and misses it below or where the other was not measured', () => {
    expect(ratioBar('r', 6_000, 2_000, 3)).toMatchObject({ value: 3, isMet: true });
    expect(ratioBar('r', 5_999, 2_000, 3)).toMatchObject({ isMet: false });
    expect(ratioBar('r', 6_000, 0, 3)).toMatchObject({ value: Number.NaN, isMet: false });
    expect(ratioBar('r', Number.NaN, 2_000, 3)).toMatchObject({ isMet: false });
  });

  test('meets "below" only below its limit', () => {
    expect(below('b', 2.99, 3, 'ms').isMet).toBe(true);
    expect(below('b', 3, 3, 'ms').isMet).toBe(false);
    expect(atLeast('a', 3, 3, '').isMet).toBe(true);
  });

  test('takes the median of each figure', () => {
    const rounds = [
      { a: 1, b: 30 },
      { a: 3, b: 10 },
      { a: 2, b: 20 },
    ];
    expect(medians(rounds)).toEqual({ a: 2, b: 20 });
    expect(() => medians([])).toThrow(RangeError);
  });

  test('takes the rounds in turn', async () => {
    const order: string[] = [];
    const measure = (name: string) => async (round: number) => order.push(`${name}${round}`);
    const taken = await interleaved(
      2,
      new Map([
        ['A', measure('A')],
        ['B', measure('B')],
      ]),
    );
    expect(order).toEqual(['A0', 'B0', 'A1', 'B1']);
    expect(taken.get('B')).toEqual([2, 4]);
  });

  test('shows rows under the columns that any of them has, and what was missed', () => {
    const rows: Row[] = [
      { name: 'one', cells: { 'p50 ms': 0.5 } },
      { name: 'other', cells: { 'p99 ms': 12.34 } },
    ];
    expect(showSection({ title: 'Idle', rows }).split('\n')).toEqual([
      'Idle',
      '       p50 ms  p99 ms',
      '-----  ------  ------',
      'one       0.5',
      'other            12.3',
    ]);
    expect(showBars([atLeast('speed', 1, 3, 'times')])).toContain('MISSED');
    expect(showBars([atLeast('speed', 3, 3, 'times')])).not.toContain('MISSED');
    expect(showNumber(Number.NaN)).toBe('not measured');
    expect(showNumber(12_345.6)).toBe('12,346');
  });
});

describe.skipIf(missingRedis !== undefined)(redisSuite('the prototype'), () => {
  let server: RedisServer;
  let store: PrototypeStore;
  beforeAll(async () => {
    server = await startBenchRedis('everysec');
    store = await PrototypeStore.open(socketOf(server));
  });
  afterAll(async () => {
    store.close();
    await server.remove();
  });

  test('commits at the version it names only, each command once, and forgets the task at the end', async () => {
    const start = { runId: 'a', expectedVersion: 0, commandId: 'start', events: ['1', '2'] };
    expect(await store.commit({ ...start, enqueue: true })).toBe('committed');
    expect(await store.commit({ ...start, enqueue: true })).toBe('duplicate');
    const [claimed] = await store.claim('w', 10);
    expect(claimed).toMatchObject({ runId: 'a' });
    const end = { runId: 'a', commandId: 's0', events: ['3'], acknowledge: claimed?.entry ?? '' };
    expect(await store.commit({ ...end, expectedVersion: 1 })).toBe('conflict');
    expect(await store.waiting()).toBe(1);
    expect(await store.commit({ ...end, expectedVersion: 2 })).toBe('committed');
    expect(await store.waiting()).toBe(0);
    expect(await store.history('a')).toEqual(['1', '2', '3']);
  });

  test('runs in a process of its own to the end, with the history that Baton writes', async () => {
    const child = new AskedProcess<BenchRequest>('bench-process.ts');
    try {
      const spec = { engine: 'prototype', workload: 'three-steps', slots: 4 } as const;
      const as = { socket: socketOf(server), role: 'both', holds: true } as const;
      await child.ask({ do: 'open', spec: { ...spec, ...as } });
      await child.ask({ do: 'start', count: 3 });
      await child.ask({ do: 'untilHeld', count: 3 });
      expect((await child.ask<Sample>({ do: 'sample' })).ended).toBe(0);
      await child.ask({ do: 'release' });
      await child.ask({ do: 'drain' });
      expect((await child.ask<Sample>({ do: 'sample' })).ended).toBe(3);
      expect(await child.ask<number[]>({ do: 'idle', runs: 2 })).toHaveLength(2);
      const keys = (await server.command('KEYS', 'h:?????????*')) as string[];
      expect(keys).toHaveLength(5);
      const types = (await store.history(keys[0]?.slice(2) ?? '')).map(
        (event) => /"body":\{"type":"(\w+)"/.exec(event)?.[1],
      );
      expect(types).toEqual([
        ...['WorkflowStarted', 'StepsScheduled', 'StepCompleted', 'StepsScheduled'],
        ...['StepCompleted', 'StepsScheduled', 'StepCompleted', 'WorkflowCompleted'],
      ]);
      await child.close();
    } finally {
      child.kill();
    }
  });

  test('is measured by what its server says of itself', async () => {
    const [bytes, cpuMicros] = [await redisMemoryBytes(server), await redisCpuMicros(server)];
    await server.command('SET', 'large', 'x'.repeat(4_000_000));
    const grownBytes = (await redisMemoryBytes(server)) - bytes;
    // The allocator rounds up, and the buffers of the connections come and go.
    expect(grownBytes).toBeGreaterThan(3_000_000);
    expect(grownBytes).toBeLessThan(6_000_000);
    expect(await redisCpuMicros(server)).toBeGreaterThan(cpuMicros);
  });

  test('tells who asks a process that is gone', async () => {
    const child = new AskedProcess<BenchRequest>('bench-process.ts');
    child.kill();
    await expect(child.ask({ do: 'sample' })).rejects.toThrow(
      'bench-process.ts ended with SIGKILL',
    );
  });
});
