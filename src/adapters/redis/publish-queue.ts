import type { RedisSession } from './redis-session.ts';
import { list, text } from './reply.ts';
import type { Reply } from './reply.ts';

/** Messages of one entry: pages are cut within entries, and what is cut off is read again. */
const MAX_MESSAGES = 64;
const MAX_ENTRY_CHARS = 65_536;
/** Of one call. */
const MAX_CALL_CHARS = 1_048_576;

/** Somebody who waits until all of his messages are published. */
export class Publisher {
  readonly answer: Promise<number>;
  readonly #resolve: (duplicates: number) => void;
  readonly #reject: (error: unknown) => void;
  #left: number;
  #duplicates = 0;

  constructor(messages: number) {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#left = messages;
  }

  settle(isDuplicate: boolean): void {
    this.#left -= 1;
    if (isDuplicate) this.#duplicates += 1;
    if (this.#left === 0) this.#resolve(this.#duplicates);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

interface Entry {
  readonly tenant: string;
  readonly names: string[];
  readonly lines: string[];
  readonly publishers: Publisher[];
  hasNames: boolean;
  chars: number;
}

/**
 * What is published in one turn of the event loop travels in one call for each shard, the messages of a tenant packed into
 * few entries: a call, or an entry, for each message would cost several times what the message does.
 */
export class PublishQueue {
  readonly #session: RedisSession;
  readonly #maxEntries: number;
  readonly #onPublished: () => void;
  readonly #waiting = new Map<number, Entry[]>();
  #isScheduled = false;

  constructor(session: RedisSession, maxFeedEntries: number, onPublished: () => void) {
    this.#session = session;
    this.#maxEntries = maxFeedEntries;
    this.#onPublished = onPublished;
  }

  /** `name`: the message is published once under it; '' for one without. */
  add(shard: number, tenant: string, name: string, line: string, publisher: Publisher): void {
    const entry = this.#entryFor(shard, tenant);
    entry.names.push(name);
    entry.lines.push(line);
    entry.publishers.push(publisher);
    entry.chars += name.length + line.length;
    if (name !== '') entry.hasNames = true;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** The last one of the tenant, if there is room: what follows must not come before it. */
  #entryFor(shard: number, tenant: string): Entry {
    let entries = this.#waiting.get(shard);
    if (!entries) this.#waiting.set(shard, (entries = []));
    const last = entries.findLast((entry) => entry.tenant === tenant);
    if (last && last.lines.length < MAX_MESSAGES && last.chars < MAX_ENTRY_CHARS) return last;
    const entry = { tenant, names: [], lines: [], publishers: [], hasNames: false, chars: 0 };
    entries.push(entry);
    return entry;
  }

  #flush(): void {
    this.#isScheduled = false;
    for (const [shard, entries] of this.#waiting)
      for (const group of groupsOf(entries)) void this.#send(shard, group);
    this.#waiting.clear();
  }

  async #send(shard: number, group: readonly Entry[]): Promise<void> {
    const session = this.#session;
    const args = [session.now, session.writer, String(this.#maxEntries), String(group.length)];
    for (const entry of group) args.push(...argumentsOf(entry));
    try {
      const answers = list(await session.perform(() => session.call('publish', shard, args)));
      for (const [at, entry] of group.entries()) settle(entry, answers[at]);
      this.#onPublished();
    } catch (error) {
      for (const { publishers } of group) for (const publisher of publishers) publisher.fail(error);
    }
  }
}

/** As feed.lua takes an entry. Without names the lines are one argument: each costs. */
function argumentsOf({ tenant, names, lines, hasNames }: Entry): string[] {
  if (!hasNames) return [`${lines.length}:${tenant}`, lines.join('\n')];
  return [`-${lines.length}:${tenant}`, ...lines.flatMap((line, at) => [names[at] ?? '', line])];
}

/** '1' for each message that had been published before; nothing when there was none. */
function settle({ publishers }: Entry, answer: Reply | undefined): void {
  const marks = answer === undefined ? '' : text(answer);
  for (const [at, publisher] of publishers.entries()) publisher.settle(marks[at] === '1');
}

function groupsOf(entries: readonly Entry[]): Entry[][] {
  const groups: Entry[][] = [];
  let chars = 0;
  for (const entry of entries) {
    const group = groups.at(-1);
    if (group && chars + entry.chars <= MAX_CALL_CHARS) group.push(entry);
    else {
      groups.push([entry]);
      chars = 0;
    }
    chars += entry.chars;
  }
  return groups;
}
