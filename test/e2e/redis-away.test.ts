import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { startBatonProcess, type BatonProcess, type CallAnswer } from './baton-process.ts';

const ANSWER_BOUND_MS = 5_000;
const DEFINITION = `
name: away
steps:
  - { id: go, uses: signal, with: { name: go } }
  - { id: work, uses: shell, needs: [go], with: { command: [sh, -c, 'echo done'] } }
`;

const endings: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serve(): Promise<{ redis: RedisServer; baton: BatonProcess; runId: string }> {
  const redis = await startRedisServer();
  endings.push(() => redis.remove());
  const folder = mkdtempSync(join(tmpdir(), 'baton-away-'));
  endings.push(async () => rmSync(folder, { recursive: true, force: true }));
  const baton = await startBatonProcess({
    HOME: folder,
    BATON_STORE: redis.url,
    BATON_WORKSPACE: folder,
    BATON_SHELL_ALLOW: 'sh',
  });
  endings.push(() => baton.close());
  await baton.call('register_workflow', { definition: DEFINITION });
  const { structured } = await baton.call('start_workflow', { workflow: 'away' });
  return { redis, baton, runId: String(structured['run_id']) };
}

async function inTime(answer: Promise<CallAnswer>): Promise<CallAnswer> {
  const startedAtMs = performance.now();
  const answered = await answer;
  expect(performance.now() - startedAtMs).toBeLessThan(ANSWER_BOUND_MS);
  return answered;
}

/** All at once, as clients that do not know of each other ask. */
async function expectAway(baton: BatonProcess, runId: string): Promise<void> {
  const readings = ['get_workflow', 'explain_workflow'].map((tool) =>
    inTime(baton.call(tool, { run_id: runId })),
  );
  const writing = inTime(
    baton.call('start_workflow', { workflow: 'away', idempotency_key: 'while-away' }),
  );
  const health = inTime(baton.call('get_health', {}));
  for (const { isError, text } of await Promise.all(readings)) {
    expect(isError).toBe(true);
    expect(text).toMatch(/^error store_unavailable: [^]*\nNothing was changed\.\nnext: /);
  }
  expect((await writing).text).toMatch(/^error store_unavailable: /);
  expect(await health).toMatchObject({ isError: false });
  expect((await health).text).toContain('the store does not answer');
}

/** Nothing is started or told: the same process finds the server by itself. */
async function expectBack(baton: BatonProcess, runId: string): Promise<void> {
  let seen = await baton.call('get_workflow', { run_id: runId });
  while (seen.isError) {
    expect(seen.text).toContain('store_unavailable');
    seen = await baton.call('get_workflow', { run_id: runId });
  }
  const again = { workflow: 'away', idempotency_key: 'while-away' };
  const [one, other] = [
    await baton.call('start_workflow', again),
    await baton.call('start_workflow', again),
  ];
  expect([one.isError, other.isError]).toEqual([false, false]);
  expect(other.structured['run_id']).toBe(one.structured['run_id']);
  const signalled = await baton.call('signal_workflow', { run_id: runId, name: 'go' });
  expect(signalled).toMatchObject({ isError: false });
  const { text: health } = await baton.call('get_health', {});
  expect(health).toMatch(
    /found there: redisVersion .*fsyncPolicy everysec, evictionPolicy noeviction/,
  );
  const awaited = await baton.call('await_workflow', { run_id: runId, wait_seconds: 20 });
  expect(awaited.structured).toMatchObject({ finished: true });
  expect(awaited.text).toContain('completed');
}

describe.skipIf(missingRedis !== undefined)(redisSuite('a server whose Redis goes away'), () => {
  test('answers in time while Redis is killed, and goes on with all it had when it is back', async () => {
    const { redis, baton, runId } = await serve();
    await redis.stop('SIGKILL');
    await expectAway(baton, runId);
    await redis.restart();
    await expectBack(baton, runId);
  });

  test('answers in time while Redis is stopped, and goes on when it continues', async () => {
    const { redis, baton, runId } = await serve();
    process.kill(redis.pid, 'SIGSTOP');
    endings.push(async () => void process.kill(redis.pid, 'SIGCONT'));
    await expectAway(baton, runId);
    process.kill(redis.pid, 'SIGCONT');
    await expectBack(baton, runId);
  });
});
