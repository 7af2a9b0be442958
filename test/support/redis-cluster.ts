import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startRedisServer, type RedisServer } from './redis-server.ts';

const SLOTS = 16_384;
const PRIMARIES = 3;
const LOCAL = ['--bind', '127.0.0.1'];

export interface RedisCluster {
  readonly url: string;
  readonly primaries: readonly RedisServer[];
  /** Follows the second primary, and takes its place when it is gone for a second. */
  readonly replica: RedisServer;
  remove(): Promise<void>;
}

/** Three primaries and one replica on free loopback ports. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const ports: number[] = [];
  const servers: RedisServer[] = [];
  for (let node = 0; node <= PRIMARIES; node += 1) {
    const [port, busPort] = [await freePort(), await freePort()];
    ports.push(port);
    const settings = [
      '--port',
      `${port}`,
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      `${busPort}`,
    ];
    servers.push(await startRedisServer(...LOCAL, ...settings, '--cluster-node-timeout', '1000'));
    await servers[0]?.command('CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${busPort}`);
  }
  const primaries = servers.slice(0, PRIMARIES);
  for (const [at, server] of primaries.entries()) await giveSlots(server, at);
  const replica = present(servers[PRIMARIES]);
  const followed = String(await present(primaries[1]).command('CLUSTER', 'MYID'));
  await until(() => replica.command('CLUSTER', 'REPLICATE', followed).then(Boolean, () => false));
  for (const server of servers)
    await until(async () =>
      /cluster_state:ok/.test(String(await server.command('CLUSTER', 'INFO'))),
    );
  await until(async () => /link_status:up/.test(String(await replica.command('INFO'))));
  return {
    url: `redis+cluster://127.0.0.1:${ports[0] ?? 0}`,
    primaries,
    replica,
    remove: async () => {
      await Promise.all(servers.map((server) => server.remove()));
    },
  };
}

async function giveSlots(server: RedisServer, at: number): Promise<void> {
  const first = Math.floor((SLOTS * at) / PRIMARIES);
  const last = Math.floor((SLOTS * (at + 1)) / PRIMARIES) - 1;
  await server.command('CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last}`);
}

/** Servers tell nobody when they have agreed: they are asked until they have. */
export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await pause(20);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a server');
  return value;
}
