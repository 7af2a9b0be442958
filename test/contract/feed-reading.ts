import type { FeedItem, FeedPage, NewBusMessage } from '../../src/ports/message-bus.ts';
import type { Store } from '../../src/ports/store.ts';

export function messages(count: number, topic = 'orders.new', from = 1): NewBusMessage[] {
  return Array.from({ length: count }, (_, at) => ({ topic, body: { n: from + at } }));
}

type Reading = Partial<Parameters<Store['readFeed']>[0]>;

export function read(store: Store, changes: Reading = {}): Promise<FeedPage> {
  return store.readFeed({ tenant: 'acme', limit: 1_000, ...changes });
}

interface Readings {
  readonly items: readonly FeedItem[];
  readonly cursor: string;
  readonly gaps: number;
}

/** Page by page to the end. */
export async function readAll(store: Store, changes: Reading = {}): Promise<Readings> {
  const items: FeedItem[] = [];
  let gaps = 0;
  let { after } = changes;
  for (;;) {
    const page = await read(store, { ...changes, ...(after !== undefined && { after }) });
    items.push(...page.items);
    gaps += page.gap ? 1 : 0;
    after = page.cursor;
    if (!page.hasMore) return { items, cursor: after, gaps };
  }
}

/** `run-1#2` of an event, topic and body of a message. */
export function shown(item: FeedItem): string {
  return item.kind === 'event'
    ? `${item.key.runId}#${item.sequence}`
    : `${item.topic} ${JSON.stringify(item.body)}`;
}
