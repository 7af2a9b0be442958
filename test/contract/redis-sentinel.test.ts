import { afterEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { startBlackHole, startFakeServer } from '../support/fake-server.ts';
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

const open = (url: string): Promise<Store> =>
  createRedisStore({ url, ids: createSeededIds(1), logger: silentLogger });

describe.skipIf(missingRedis !== undefined)(redisSuite('behind a Sentinel'), () => {
  it('follows a failover by itself, with all that the replica had', async () => {
    const [primary, primaryPort] = await startOnPort();
    const [replica] = await startOnPort('--replicaof', `127.0.0.1 ${primaryPort}`);
    await until(async () => /link_status:up/.test(String(await replica.command('INFO'))));
    const port = await freePort();
    const sentinel = await startRedisSentinel(port, 'mine', primaryPort);
    servers.push(sentinel);
    await until(async () => String(await sentinel.command('INFO')).includes('slaves=1'));
    const store = await open(`redis+sentinel://127.0.0.1:${port}/mine`);
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
    const other = open(`redis+sentinel://127.0.0.1:${port}/other`);
    await expect(other).rejects.toMatchObject({ name: 'RedisStoreError', code: 'unreachable' });
    await expect(other).rejects.toThrow('knows no primary named other');
  });

  it('asks all Sentinels at once: one is down, one says nothing, one answers', async () => {
    const [, primaryPort] = await startOnPort();
    const [port, hole] = [await freePort(), await startBlackHole()];
    servers.push(await startRedisSentinel(port, 'mine', primaryPort));
    const others = `127.0.0.1:${await freePort()},127.0.0.1:${hole.port}`;
    const store = await open(`redis+sentinel://${others},127.0.0.1:${port}/mine`);
    await commit(store, RUN, 0);
    expect((await store.describe()).location).toContain(`,127.0.0.1:${port}/mine`);
    await store.close();
    const startedAtMs = performance.now();
    await expect(open(`redis+sentinel://${others}/mine`)).rejects.toThrow(
      /ECONNREFUSED.*; .*no answer within 1000 ms/,
    );
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await hole.close();
  });

  it('gives the Sentinel its own password, and never shows it', async () => {
    const [, primaryPort] = await startOnPort('--requirepass', 'data');
    const port = await freePort();
    const access = ['requirepass watch', 'sentinel auth-pass mine data'];
    servers.push(await startRedisSentinel(port, 'mine', primaryPort, access));
    const url = `redis+sentinel://default:data@127.0.0.1:${port}/mine`;
    for (const wrong of [url, `${url}?sentinel-password=wrong`])
      await expect(open(wrong)).rejects.toThrow(/the Sentinel refuses.*\?sentinel-user=/);
    const store = await open(`${url}?sentinel-password=watch`);
    await commit(store, RUN, 0);
    expect((await store.describe()).location).not.toMatch(/data@|watch/);
    await store.close();
  });

  it('does not take a replica for the primary when a Sentinel names one', async () => {
    const [, port] = await startOnPort('--replicaof', '127.0.0.1 1');
    const sentinel = await startFakeServer((socket) => {
      const address = `*2\r\n$9\r\n127.0.0.1\r\n$${String(port).length}\r\n${port}\r\n`;
      socket.on('data', (chunk: Buffer) =>
        socket.write(String(chunk).includes('get-master-addr') ? address : '$0\r\n\r\n'),
      );
    });
    await expect(open(`redis+sentinel://127.0.0.1:${sentinel.port}/mine`)).rejects.toThrow(
      /names a server that is a slave now/,
    );
    await sentinel.close();
  });
});
