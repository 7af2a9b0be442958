import { StoreUnavailableError } from '../../ports/run-store.ts';
import { caughtTrouble } from './redis-failure.ts';
import type { RedisSession } from './redis-session.ts';
import { list, text } from './reply.ts';
import type { Reply } from './reply.ts';

/**
 * Redis does a group without pause: its length is how long others wait (some 30 µs a commit). And while it does one, this
 * process prepares the next: groups of 32 that were all sent at the end of a turn let each wait for the other, and cost a
 * quarter of the throughput.
 */
const MAX_COMMITS = 16;
const MAX_GROUP_CHARS = 262_144;

/** Who waits for one commit of a group. One of the two is called, once. */
export interface Waiting {
  /** What commit.lua answers for this commit. May throw: then `fail` is called with it. */
  settle(reply: Reply): void;
  /** With what `RedisSession.perform` rejects with. */
  fail(error: unknown): void;
}

interface Group {
  /** Of the whole call; the number of commits is filled in when it is sent. */
  readonly args: string[];
  readonly countAt: number;
  readonly waiting: Waiting[];
  readonly runs: Set<string>;
  readonly answer: PromiseWithResolvers<Reply>;
  chars: number;
}

/**
 * Commits of one turn of the event loop for the same shard travel in one function call: each is checked and answered
 * alone, none waits for a later turn, and one run is at most once in a group. Groups of a shard are sent in the order in
 * which their commits came. If the process dies, each commit of a group was applied whole or not at all.
 */
export class CommitGroups {
  readonly #session: RedisSession;
  readonly #maxFeedEntries: string;
  readonly #groups = new Map<number, Group>();

  constructor(session: RedisSession, maxFeedEntries: number) {
    this.#session = session;
    this.#maxFeedEntries = String(maxFeedEntries);
  }

  /**
   * `args` as the header of commit.lua names them; the first names the run. Throws when the store is closed. A callback
   * and no promise of its own: the promises of a commit cost as much as its decision.
   */
  add(shard: number, args: readonly string[], waiting: Waiting): void {
    this.#session.assertOpen();
    const run = args[0] ?? '';
    let chars = 0;
    for (const arg of args) chars += arg.length;
    const group = this.#groupFor(shard, run, chars);
    group.runs.add(run);
    group.chars += chars;
    for (const arg of args) group.args.push(arg);
    group.waiting.push(waiting);
    if (group.waiting.length >= MAX_COMMITS) this.#flush(shard, group);
  }

  #groupFor(shard: number, run: string, chars: number): Group {
    const open = this.#groups.get(shard);
    if (open && !open.runs.has(run) && open.chars + chars <= MAX_GROUP_CHARS) return open;
    if (open) this.#flush(shard, open);
    const group = this.#newGroup(shard);
    this.#groups.set(shard, group);
    void this.#answer(group);
    process.nextTick(() => this.#flush(shard, group));
    return group;
  }

  #newGroup(shard: number): Group {
    const { now, writer } = this.#session;
    const args = this.#session.request('commit', shard);
    args.push(now, writer, this.#maxFeedEntries, '');
    const answer = Promise.withResolvers<Reply>();
    return { args, countAt: args.length - 1, waiting: [], runs: new Set(), answer, chars: 0 };
  }

  #flush(shard: number, { args, countAt, waiting, answer }: Group): void {
    if (this.#groups.get(shard)?.answer !== answer) return;
    this.#groups.delete(shard);
    args[countAt] = String(waiting.length);
    this.#session.send(shard, args).then(answer.resolve, answer.reject);
  }

  /** Begins with the group, so that a store that is closed waits for what was asked before. */
  async #answer({ waiting, answer }: Group): Promise<void> {
    try {
      const replies = list(await this.#session.perform(() => answer.promise));
      for (const [at, one] of waiting.entries()) settle(one, replies[at] ?? null);
    } catch (error) {
      for (const one of waiting) one.fail(error);
    }
  }
}

function settle(waiting: Waiting, reply: Reply): void {
  try {
    const [kind, reason] = list(reply);
    if (kind === 'failed') waiting.fail(new StoreUnavailableError(caughtTrouble(text(reason))));
    else waiting.settle(reply);
  } catch (error) {
    waiting.fail(error);
  }
}
