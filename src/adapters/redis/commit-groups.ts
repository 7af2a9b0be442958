import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { RunKey } from '../../ports/run-store.ts';
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

interface Waiting {
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: unknown) => void;
}

interface Group {
  /** Of the whole call; the number of commits is filled in when it is sent. */
  readonly args: string[];
  readonly countAt: number;
  readonly waiting: Waiting[];
  readonly runs: Set<string>;
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

  /** Answers what commit.lua does for this commit (`args` as its header names them). Rejects as `RedisSession.call` does. */
  add(shard: number, { tenant, runId }: RunKey, args: readonly string[]): Promise<Reply> {
    const chars = args.reduce((sum, arg) => sum + arg.length, 0);
    const run = `${tenant}\n${runId}`;
    const group = this.#groupFor(shard, run, chars);
    group.runs.add(run);
    group.chars += chars;
    for (const arg of args) group.args.push(arg);
    const reply = new Promise<Reply>((settle, fail) => group.waiting.push({ settle, fail }));
    if (group.waiting.length >= MAX_COMMITS) this.#flush(shard, group);
    return reply;
  }

  #groupFor(shard: number, run: string, chars: number): Group {
    const open = this.#groups.get(shard);
    if (open && !open.runs.has(run) && open.chars + chars <= MAX_GROUP_CHARS) return open;
    if (open) this.#flush(shard, open);
    const group = this.#newGroup(shard);
    this.#groups.set(shard, group);
    process.nextTick(() => this.#flush(shard, group));
    return group;
  }

  #newGroup(shard: number): Group {
    const { now, writer } = this.#session;
    const args = this.#session.request('commit', shard);
    args.push(now, writer, this.#maxFeedEntries, '');
    return { args, countAt: args.length - 1, waiting: [], runs: new Set(), chars: 0 };
  }

  #flush(shard: number, group: Group): void {
    if (this.#groups.get(shard) !== group) return;
    this.#groups.delete(shard);
    void this.#send(shard, group);
  }

  async #send(shard: number, { args, countAt, waiting }: Group): Promise<void> {
    args[countAt] = String(waiting.length);
    try {
      const replies = list(await this.#session.send(shard, args));
      for (const [at, { settle, fail }] of waiting.entries()) {
        const reply = replies[at];
        const [kind, reason] = list(reply);
        if (kind === 'failed') fail(new StoreUnavailableError(caughtTrouble(text(reason))));
        else settle(reply ?? null);
      }
    } catch (error) {
      // Those that were answered stay so.
      for (const { fail } of waiting) fail(error);
    }
  }
}
