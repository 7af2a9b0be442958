import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createAllowLists } from '../../src/http/allow-lists.ts';
import { createEngineMetrics } from '../../src/http/engine-metrics.ts';
import { isFileKey, withFileKey } from '../../src/http/file-key.ts';
import { isDeeperThan } from '../../src/http/json-depth.ts';
import { KeyVerdicts } from '../../src/http/key-verdicts.ts';
import { isKeyRequired } from '../../src/http/serve-endpoints.ts';
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

test('slots: half for one caller, each given back once', async () => {
  const slots = new Slots(2);
  const first = slots.take('a');
  expect(slots.take('a')).toBe('caller');
  const second = slots.take('b');
  expect(slots.take('c')).toBe('all');
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
