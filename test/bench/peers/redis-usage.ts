import { startRedisServer, type RedisServer } from '../../support/redis-server.ts';

export type Fsync = 'everysec' | 'always';

/** As docs/redis.conf asks for, the same for every system; fresh for every sample. */
export function startBenchRedis(fsync: Fsync): Promise<RedisServer> {
  return startRedisServer(
    ...['--appendfsync', fsync, '--maxmemory-policy', 'noeviction'],
    // Another process that rewrites the file would take turns with what is measured.
    ...['--auto-aof-rewrite-percentage', '0', '--stream-node-max-entries', '100'],
  );
}

export function socketOf(server: RedisServer): string {
  return server.url.replace('unix://', '');
}

/** Of the thread that runs the commands. */
export async function redisCpuMicros(server: RedisServer): Promise<number> {
  const info = String(await server.command('INFO', 'cpu'));
  const seconds =
    field(info, 'used_cpu_user_main_thread') + field(info, 'used_cpu_sys_main_thread');
  return seconds * 1e6;
}

/** Without what its connections and the buffer of the append-only file take at this moment. */
export async function redisMemoryBytes(server: RedisServer): Promise<number> {
  const info = String(await server.command('INFO', 'memory'));
  return (
    field(info, 'used_memory') - field(info, 'mem_clients_normal') - field(info, 'mem_aof_buffer')
  );
}

function field(info: string, name: string): number {
  const found = new RegExp(`^${name}:([0-9.]+)`, 'm').exec(info)?.[1];
  return found === undefined ? 0 : Number(found);
}
