import { Socket } from 'node:net';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { fairShares } from '../../src/application/access/fair-shares.ts';
import { createAllowLists, notesOnNames } from '../../src/http/allow-lists.ts';
import { createEngineMetrics } from '../../src/http/engine-metrics.ts';
import { isFileKey, withFileKey } from '../../src/http/file-key.ts';
import { ConnectionShares } from '../../src/http/connection-shares.ts';
import { isDeeperThan } from '../../src/http/json-depth.ts';
import { KeyVerdicts } from '../../src/http/key-verdicts.ts';
import { networkOf } from '../../src/http/network-of.ts';
import { isKeyRequired } from '../../src/http/serve-endpoints.ts';
import { SharedBudget } from '../../src/http/shared-budget.ts';
import { Slots } from '../../src/http/slots.ts';
import { countCommands } from '../../src/composition/counted-commands.ts';
import { createWorkbench } from '../application/workbench.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { READER } from './service.ts';

describe('names', () => {
  const lists = (host: string, allowedHosts: string[] = [], allowedOrigins: string[] = []) =>
    createAllowLists({ host, allowedHosts, allowedOrigins });

  test.each([
    ['127.0.0.1', 'localhost:7420', true],
    ['127.0.0.1', 'LOCALHOST', true],
    ['127.0.0.1', '0x7f.1:7420', true], // the same address, as URL reads it
    ['127.0.0.1', 'localhost.evil.example', false],
    ['127.0.0.1', 'evil.example', false],
    ['127.0.0.1', 'evil@localhost', false],
    ['127.0.0.1', 'localhost/evil', false],
    ['127.0.0.1', 'localhost, evil.example', false],
    ['127.0.0.1', '', false],
    ['127.0.0.1', undefined, false],
    ['192.0.2.7', '192.0.2.7:7420', true],
    ['2001:db8::1', '[2001:db8::1]:7420', true],
    ['0.0.0.0', '0.0.0.0:7420', false],
    ['::', '[::]:7420', false],
    ['0.0.0.0', 'baton:7420', false],
  ])('a server at %s called %s: %s', (host, header, isOwn) => {
    expect(lists(host).isHost(header)).toBe(isOwn);
  });

  test.each([
    ['http://localhost:7420', 'localhost:7420', true],
    ['https://baton.example', 'baton.example', true],
    ['http://localhost:3000', 'localhost:7420', false],
    ['http://127.0.0.1:7420', 'localhost:7420', false],
    ['https://ok.example', 'localhost:7420', true],
    ['https://ok.example.evil', 'localhost:7420', false],
    ['http://ok.example', 'localhost:7420', false],
    ['null', 'localhost:7420', false],
    ['http://localhost:7420/', 'localhost:7420', false],
    ['chrome-extension://localhost:7420', 'localhost:7420', false],
  ])('a page of %s at %s: %s', (origin, host, isAllowed) => {
    expect(lists('127.0.0.1', [], ['https://ok.example']).isOrigin(origin, host)).toBe(isAllowed);
  });

  test.each([
    ['0.0.0.0', [], true],
    ['::', [], true],
    ['0.0.0.0', ['baton.internal'], false],
    ['192.0.2.7', [], false],
    ['127.0.0.1', [], false],
  ])(
    'at %s, called %j, its owner is told that other names are refused: %s',
    (host, allowedHosts, isTold) => {
      const notes = notesOnNames({ host, allowedHosts });
      expect(notes.some((note) => note.includes('http.allowedHosts'))).toBe(isTold);
    },
  );

  test('keys are asked for wherever others than this machine can come', () => {
    const required = (host: string, auth: 'auto' | 'required' = 'auto') =>
      isKeyRequired({ host, auth });
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].some((host) => required(host))).toBe(
      false,
    );
    expect(['0.0.0.0', '::', '192.0.2.7', 'baton.example'].every((host) => required(host))).toBe(
      true,
    );
    expect(required('127.0.0.1', 'required')).toBe(true);
  });
});

test('depth is that of lists and objects outside of strings', () => {
  const deeper = (levels: number, text: string) => isDeeperThan(levels, Buffer.from(text));
  expect(deeper(2, '[[1],[2],{"a":3}]')).toBe(false);
  expect(deeper(2, '[[[]]]')).toBe(true);
  expect(deeper(1, '{"a\\"[[":"\\\\"}')).toBe(false);
  expect(deeper(1, '{"a\\\\":[')).toBe(true);
  expect(deeper(1, '["[[')).toBe(false);
  expect(deeper(0, '1')).toBe(false);
});

test('slots: a share for each caller, each given back once', async () => {
  const slots = new Slots(2);
  const of = (id: string) => ({ tenant: 'default', id });
  const first = slots.take(of('a'));
  expect(slots.take(of('a'))).toBe('caller');
  const second = slots.take(of('b'));
  expect(slots.take(of('c'))).toBe('all');
  let isEmpty = false;
  const emptied = slots.whenEmpty().then(() => (isEmpty = true));
  if (typeof first !== 'function' || typeof second !== 'function') throw new Error('refused');
  first();
  first();
  expect([slots.total, isEmpty]).toEqual([1, false]);
  second();
  await emptied;
  expect(slots.total).toBe(0);
});

test('shares: a tenant half, the default one three quarters, a caller half of its tenant; each at least one', () => {
  expect(fairShares(16, 'acme')).toEqual({ ofTenant: 8, ofCaller: 4 });
  expect(fairShares(16, 'default')).toEqual({ ofTenant: 12, ofCaller: 6 });
  expect(fairShares(1, 'acme')).toEqual({ ofTenant: 1, ofCaller: 1 });
});

test('however many callers a tenant has, others find room', () => {
  const budget = new SharedBudget(16);
  const taken = ['a', 'b', 'c', 'd'].flatMap((id) =>
    Array.from({ length: 16 }, () => budget.take({ tenant: 'acme', id })),
  );
  expect(taken.filter((exhausted) => exhausted === undefined)).toHaveLength(8);
  expect(budget.take({ tenant: 'acme', id: 'e' })).toBe('tenant');
  expect(budget.take({ tenant: 'beta', id: 'f' }, 4)).toBeUndefined();
  expect(budget.take({ tenant: 'beta', id: 'f' })).toBe('caller');
  budget.give({ tenant: 'beta', id: 'f' }, 4);
  expect(budget.total).toBe(8);
});

test('a network is an address of IPv4, and the first half of one of IPv6', () => {
  expect(
    ['192.0.2.7', '::ffff:192.0.2.7', '2001:DB8:1:2:3::4', '2001:db8::4', 'fe80::1%eth0'].map(
      (address) => networkOf(address),
    ),
  ).toEqual(['192.0.2.7', '192.0.2.7', '2001:db8:1:2::', '2001:db8:0:0::', 'fe80:0:0:0::']);
  expect(networkOf('::1')).toBe('::1');
});

describe('connections', () => {
  const from = (remoteAddress: string): Socket => {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
    return socket;
  };
  const flood = (shares: ConnectionShares, count: number, address: string): Socket[] => {
    const sockets = Array.from({ length: count }, () => from(address));
    for (const socket of sockets) shares.add(socket);
    return sockets;
  };
  const open = (sockets: readonly Socket[]): number =>
    sockets.filter(({ destroyed }) => !destroyed).length;

  test('of one network are half of all; its own longest idle gives way, one at work never', () => {
    const shares = new ConnectionShares(8);
    const [working, oldest, ...more] = flood(shares, 4, '192.0.2.7');
    if (working === undefined || oldest === undefined) throw new Error('none');
    shares.begin(working);
    flood(shares, 1, '192.0.2.7');
    expect([working.destroyed, oldest.destroyed, open(more)]).toEqual([false, true, 2]);
    shares.end(working);
    flood(shares, 3, '::ffff:192.0.2.7');
    expect(working.destroyed).toBe(false);
    flood(shares, 1, '192.0.2.7');
    expect(working.destroyed).toBe(true);
  });

  test('that are refused are those of who has all of its share at work', () => {
    const shares = new ConnectionShares(4);
    const busy = flood(shares, 2, '192.0.2.7');
    for (const socket of busy) shares.begin(socket);
    expect(open(flood(shares, 1, '192.0.2.7'))).toBe(0);
    expect(open(busy)).toBe(2);
    expect(open(flood(shares, 1, '192.0.2.8'))).toBe(1);
  });

  test('make room for a newcomer where most are held; on loopback too, which has no share', () => {
    const shares = new ConnectionShares(8);
    const some = flood(shares, 2, '192.0.2.7');
    const many = flood(shares, 6, '127.0.0.1');
    expect(open(flood(shares, 3, '127.0.0.1'))).toBe(3);
    expect([open(some), open(many)]).toEqual([2, 3]);
    const [first] = many.slice(3);
    if (first === undefined) throw new Error('none');
    first.emit('close');
    first.destroy();
    expect(open(flood(shares, 1, '192.0.2.9'))).toBe(1);
    expect([open(some), open(many)]).toEqual([2, 2]);
  });
});

describe('verdicts on keys', () => {
  const AWAY = {
    ok: false,
    error: { code: 'store_unavailable', message: '', changed: 'nothing', next: '' },
  } as const;

  test('many requests at once ask once; a store that is away lets nobody in and is asked again', async () => {
    let asked = 0;
    let isAway = false;
    const ended: string[] = [];
    const clock = createManualClock();
    const verdicts = new KeyVerdicts(
      async () => {
        asked += 1;
        return isAway ? AWAY : { ok: true, value: READER };
      },
      { clock, onEnded: (id) => ended.push(id) },
    );
    await Promise.all(Array.from({ length: 100 }, () => verdicts.check('k')));
    expect(asked).toBe(1);
    isAway = true;
    await clock.advance(1_000);
    expect([await verdicts.check('k'), await verdicts.check('k')]).toEqual([AWAY, AWAY]);
    expect(asked).toBe(3);
    expect(verdicts.isKnown('k')).toBe(true);
    expect(ended).toEqual([]);
  });

  test('no more are remembered than ten thousand', async () => {
    const clock = createManualClock();
    const verdicts = new KeyVerdicts(async () => ({ ok: true, value: READER }), {
      clock,
      onEnded: () => undefined,
    });
    for (let at = 0; at <= 10_000; at += 1) await verdicts.check(`key ${at}`);
    expect(verdicts.isKnown('key 0')).toBe(false);
    expect(verdicts.isKnown('key 1')).toBe(true);
  });

  test('a key in a file is one more, without approvals and administration', async () => {
    const key = 'k'.repeat(32);
    const authenticate = withFileKey(async () => AWAY, key);
    const verdict = await authenticate(key);
    if (!verdict.ok) throw new Error('refused');
    expect([...verdict.value.scopes]).toEqual(['runs:read', 'runs:write', 'agents:work']);
    expect(await authenticate(`${key}k`)).toBe(AWAY);
    expect([isFileKey(key), isFileKey('short'), isFileKey(`${key} x`)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test('figures: commands by outcome, what ended here, queues; none of the store while it is away', async () => {
  const bench = createWorkbench();
  const registry = new Registry();
  const { execute, commands } = countCommands(bench.ports.execute);
  const counts = { commands, finished: { steps: 3, runs: 1 } };
  const metrics = createEngineMetrics(registry, { application: bench.application, counts });
  await bench.register('name: one\nsteps: [{ id: a, uses: shell, with: { command: [ls] } }]');
  const runId = await bench.start('one');
  await execute(
    { tenant: 'default', runId },
    { command: { type: 'PauseWorkflow' }, commandId: 'p', actor: 'test', causationId: 't' },
  );
  await metrics.refresh();
  const text = await registry.metrics();
  expect(text).toContain('baton_commands_total{outcome="committed"} 1');
  expect(text).toContain('baton_finished_steps_total 3');
  expect(text).toContain('baton_store_up 1');
  expect(text).toMatch(/baton_queue_tasks\{queue="shell:ls",state="waiting"\} \d/);
  bench.faults.fate = () => 'fail';
  await metrics.refresh();
  const away = await registry.metrics();
  expect(away).toContain('baton_store_up 0');
  expect(away).not.toContain('shell:ls');
});
