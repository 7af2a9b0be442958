import { afterEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { freePort, until } from '../support/redis-cluster.ts';
import {
  missingRedis,
  redisSuite,
  startRedisSentinel,
  startRedisServer,
} from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTask, command, commit, request, runKey, task } from './fixture.ts';

const RUN = runKey('run-1');
const servers: RedisServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.remove()));
});

async function startOnPort(...settings: string[]): Promise<[server: RedisServer, port: number]> {
  const port = await freePort();
  const server = await startRedisServer('--port', `${port}`, '--bind', '127.0.0.1', ...settings);
  servers.push(server);
  return [server, port];
}

describe.skipIf(missingRedis !== undefined)(redisSuite('behind a Sentinel'), () => {
  it('follows a failover by itself, with all that the replica had', async () => {
    const [primary, primaryPort] = await startOnPort();
    const [replica] = await startOnPort('--replicaof', `127.0.0.1 ${primaryPort}`);
    await until(async () => /link_status:up/.test(String(await replica.command('INFO'))));
    const port = await freePort();
    const sentinel = await startRedisSentinel(port, 'mine', primaryPort);
    servers.push(sentinel);
    await until(async () => String(await sentinel.command('INFO')).includes('slaves=1'));
    const store = await createRedisStore({
      url: `redis+sentinel://127.0.0.1:${port}/mine`,
      ids: createSeededIds(1),
      logger: silentLogger,
    });
    await commit(store, RUN, 0, { enqueue: [task('a')] });
    const { lease } = await claimTask(store);
    await primary.command('WAIT', '1', '5000');
    await primary.stop('SIGKILL');

    const ending = request(RUN, 1, { commands: [command({ id: 'end', acknowledge: lease })] });
    await until(async () => (await store.commit(ending)).kind !== 'storeUnavailable');
    expect(await store.commit(ending)).toMatchObject({ kind: 'duplicate', commandId: 'end' });
    expect((await store.load(RUN))?.version).toBe(2);
    expect((await store.openWork(RUN)).tasks).toEqual([]);
    expect(await replica.command('ROLE')).toContain('master');
    await store.close();
  });

  it('says at the start that no Sentinel knows the name', async () => {
    const [, primaryPort] = await startOnPort();
    const port = await freePort();
    servers.push(await startRedisSentinel(port, 'mine', primaryPort));
    await expect(
      createRedisStore({
        url: `redis+sentinel://127.0.0.1:${port}/other`,
        ids: createSeededIds(1),
        logger: silentLogger,
      }),
    ).rejects.toMatchObject({ name: 'RedisStoreError', code: 'unreachable' });
  });
});
