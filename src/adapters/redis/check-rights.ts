import type { RedisSession } from './redis-session.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { texts } from './reply.ts';

/** Sent by Baton itself, besides what stands in its functions; on a Cluster also CLUSTER SLOTS and ASKING. */
export const OWN_COMMANDS = ['SET', 'GET', 'EXISTS', 'BLPOP'] as const;

/** Throws RedisStoreError (`permission`) that names every command which the user of the URL may not run. */
export async function assertRights(
  session: RedisSession,
  commands: readonly string[],
  shown: string,
): Promise<void> {
  const asked = [...new Set([...OWN_COMMANDS, ...commands])];
  const lacking = new Set((await session.callAll('lacking_rights', asked)).flatMap(texts));
  if (lacking.size > 0)
    throw new RedisStoreError(
      'permission',
      `${shown}: the user may not run ${[...lacking].join(', ')}; docs/redis.conf has the line for Baton's user`,
    );
}
