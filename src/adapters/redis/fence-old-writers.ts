import { describeFailure, isMissingFunction, replyCode } from './redis-failure.ts';
import type { RedisNodes } from './redis-nodes.ts';
import type { RedisSession } from './redis-session.ts';
import { text } from './reply.ts';

/**
 * The function libraries of schemas 1 to 3 that remember which keys they found right; the first of all (2f09e58e69a9) had no
 * function that can be called without effect.
 */
const OLD_LIBRARIES = [
  'baton_15c14d9953ed',
  'baton_7844c7fec793',
  'baton_d6e6691db906',
  'baton_8219164110b3',
  'baton_6a6d816e6726',
];

/** Members of lines that one call moves: Redis does nothing else meanwhile (some 2 µs each). */
const MOVED_AT_ONCE = '2000';
/** A library forgets all keys after 10,000, and a call that publishes looks at three. */
const CALLS_UNTIL_FORGOTTEN = 3_400;
const CALLS_AT_ONCE = 100;
/** What `publish` fails with when the count of messages is no number: after it has looked at its keys, before it writes. */
const LOOKED_ONLY = "'for' limit must be a number";

/**
 * Afterwards a process of an older Baton that still runs, heard or not, gets an error for each commit, publication, claim,
 * renewal and release, before it has written anything (functions/fence.lua). What older versions write as this one does goes
 * on: key-values, definitions, artifacts. Meanwhile they may write whole commits in the old form: runs are converted later. Each
 * call is all or nothing; who begins anew changes nothing that was done. Inside `RedisSession.perform`; rejects as
 * `RedisSession.call` does.
 */
export async function fenceOldWriters(session: RedisSession, nodes: RedisNodes): Promise<void> {
  for (const shard of session.shards) {
    const root = session.rootOf(shard);
    await session.call('fence_writers', shard, []);
    // Before the lines move: a commit must not meet them halfway.
    await forgetKeys(nodes, shard, root);
    while (text(await session.call('fence_lines', shard, [MOVED_AT_ONCE])) === '');
    // Once more: renewals have looked at the lines meanwhile.
    await forgetKeys(nodes, shard, root);
  }
}

/**
 * Old functions look at a key's type once and remember that it was right. They forget when they have seen many keys: they are
 * shown some that do not exist. Nothing is written, nor is another prefix touched.
 */
async function forgetKeys(nodes: RedisNodes, shard: number, root: string): Promise<void> {
  for (const library of OLD_LIBRARIES) {
    for (let first = 0; first < CALLS_UNTIL_FORGOTTEN; first += CALLS_AT_ONCE) {
      const shown = await Promise.all(
        Array.from({ length: CALLS_AT_ONCE }, (_, at) =>
          show(nodes, shard, library, `${root}:fence:${first + at}`),
        ),
      );
      if (shown.includes(false)) break;
    }
  }
}

/** Answers false when the server does not have the library: loaded anew it remembers nothing. */
async function show(
  nodes: RedisNodes,
  shard: number,
  library: string,
  root: string,
): Promise<boolean> {
  try {
    await nodes.send(shard, 'fcall', [`${library}_publish`, '1', root, '0', '', '1', 'none']);
  } catch (error) {
    if (isMissingFunction(error)) return false;
    if (replyCode(error) === undefined || !describeFailure(error).includes(LOOKED_ONLY))
      throw error;
  }
  return true;
}
