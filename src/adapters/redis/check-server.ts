import { replyCode } from './redis-failure.ts';
import type { RedisNodes, Send } from './redis-nodes.ts';
import { RedisStoreError } from './redis-store-error.ts';
import type { RedisAddress } from './redis-url.ts';
import { list, parseInfo, text } from './reply.ts';

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: string;
  readonly role: string;
  readonly isCluster: boolean;
  readonly evictionPolicy: string;
  readonly isAppendOnly: boolean;
  /** `always`, `everysec`, `no`, or `unknown` where the user may not ask. */
  readonly fsyncPolicy: string;
  readonly usedMemoryBytes: number;
  readonly maxMemoryBytes: number;
}

const MIN_MAJOR = 7;
const BYTES_PER_MIB = 2 ** 20;

/** Of each server there is. */
export function readAllFacts(nodes: RedisNodes): Promise<readonly ServerFacts[]> {
  return Promise.all(nodes.each().map(readServerFacts));
}

async function readServerFacts(send: Send): Promise<ServerFacts> {
  const info = parseInfo(text(await send('info', [])));
  return {
    version: info.get('redis_version') ?? 'unknown',
    role: info.get('role') ?? 'unknown',
    isCluster: info.get('cluster_enabled') === '1',
    evictionPolicy: info.get('maxmemory_policy') ?? 'unknown',
    isAppendOnly: info.get('aof_enabled') === '1',
    fsyncPolicy: await readFsyncPolicy(send),
    usedMemoryBytes: Number(info.get('used_memory') ?? 0),
    maxMemoryBytes: Number(info.get('maxmemory') ?? 0),
  };
}

/** Hosted servers refuse CONFIG to their users. */
async function readFsyncPolicy(send: Send): Promise<string> {
  try {
    return text(list(await send('config', ['get', 'appendfsync']))[1]);
  } catch (error) {
    if (replyCode(error) === undefined) throw error;
    return 'unknown';
  }
}

/** Throws RedisStoreError when what Baton promises cannot hold on this server. */
export function assertServer(
  facts: ServerFacts,
  { shown, allowsEviction, topology }: RedisAddress,
): void {
  const { version, role, evictionPolicy } = facts;
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR))
    throw new RedisStoreError(
      'server',
      `${shown} is Redis ${version}; Baton needs ${MIN_MAJOR}.0 or newer (functions)`,
    );
  if (facts.isCluster !== (topology === 'cluster'))
    throw new RedisStoreError(
      'server',
      facts.isCluster
        ? `${shown} is a node of a Cluster; write redis+cluster:// in the setting store`
        : `${shown} is no Cluster; write redis:// in the setting store`,
    );
  if (role !== 'master')
    throw new RedisStoreError(
      'server',
      `${shown} is a replica (role ${role}); name the primary, or use redis+sentinel://`,
    );
  if (evictionPolicy !== 'noeviction' && !allowsEviction)
    throw new RedisStoreError(
      'eviction',
      `${shown} has maxmemory-policy ${evictionPolicy}: when memory runs short it would silently remove runs and queues; set "maxmemory-policy noeviction" in redis.conf (or CONFIG SET it), or accept the loss with ?allow-eviction=1`,
    );
}

/** What a start looks at, in the words of redis.conf. */
export function checksOf(
  facts: ServerFacts,
  { topology, prefix }: RedisAddress,
): readonly string[] {
  const { maxMemoryBytes, usedMemoryBytes } = facts;
  const usedText = `${Math.ceil(usedMemoryBytes / BYTES_PER_MIB)} MiB used`;
  return [
    `topology ${topology}`,
    `prefix ${prefix}`,
    `maxmemory-policy ${facts.evictionPolicy}`,
    `appendonly ${facts.isAppendOnly ? 'yes' : 'no'}`,
    `appendfsync ${facts.fsyncPolicy}`,
    maxMemoryBytes === 0
      ? `maxmemory not set (${usedText}; when memory runs out, the system ends Redis)`
      : `maxmemory ${Math.floor(maxMemoryBytes / BYTES_PER_MIB)} MiB (${usedText})`,
  ];
}

/** What is wrong with how the server is set up, or has become so since the start. */
export function warningsOf({ evictionPolicy, isAppendOnly, role }: ServerFacts): readonly string[] {
  return [
    ...(evictionPolicy === 'noeviction'
      ? []
      : [
          `Redis may silently remove runs and queues when memory runs short: set "maxmemory-policy noeviction" (it is ${evictionPolicy})`,
        ]),
    ...(isAppendOnly
      ? []
      : ['a restart of Redis loses everything since its last snapshot: set "appendonly yes"']),
    ...(role === 'master' ? [] : [`the server is a ${role}: nothing can be written`]),
  ];
}

/** Of several servers the weakest decides: the lowest number. */
export function durabilityRank({ isAppendOnly, fsyncPolicy }: ServerFacts): number {
  if (!isAppendOnly) return 0;
  return { everysec: 2, always: 3 }[fsyncPolicy] ?? 1;
}

/** Which promise holds, in words. */
export function durabilityOf({ isAppendOnly, fsyncPolicy }: ServerFacts): string {
  if (!isAppendOnly)
    return 'weak: without an append-only file a restart of Redis loses everything since its last snapshot (set "appendonly yes")';
  if (fsyncPolicy === 'always')
    return 'survives the death of every process, and power loss of the server where its disk honours sync (appendfsync always); a failover may lose what the replica had not yet';
  if (fsyncPolicy === 'everysec')
    return 'survives the death of every process; power loss of the server may take about the last second (appendfsync everysec), a failover what the replica had not yet';
  return `survives the death of every process; power loss of the server takes what the system had not yet written (appendfsync ${fsyncPolicy})`;
}
