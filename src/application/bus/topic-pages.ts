import type { ChangeFeed } from '../../ports/change-feed.ts';
import type { Clock } from '../../ports/clock.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { TopicPage, TopicReader } from './topic-reader.ts';
import { WakeSignal } from '../engine/wake-signal.ts';

/** Looks again at least this often, should a change go unannounced. */
const MAX_PAUSE_MS = 1_000;
/** A busy feed is read in pages, not commit by commit. */
const MIN_PAUSE_MS = 10;
const UNAVAILABLE_PAUSE_MS = 500;
const ITEMS_PER_PAGE = 1_000;
/** How often who follows is told a place without messages. */
const PLACE_EVERY_MS = 5_000;

export interface Following {
  readonly after: string | undefined;
  /** Go on at the end, waiting for more. */
  readonly isEndless: boolean;
  readonly signal: AbortSignal;
  /** Default 1,000. */
  readonly itemsPerPage?: number;
}

/**
 * Reads on from the cursor, to the end or until the signal aborts: every page whose place moved, also those without
 * messages. Who follows endlessly is told of these every five seconds only, the last for all, by a beat that nobody's doings
 * move: what other tenants do moves the place too, and when they do it is not for this one. Changes of the store wake it;
 * the subscription stands before the first look. Who follows endlessly waits out a store that does not answer; otherwise it
 * throws, as the reader does.
 */
export async function* topicPages(
  { store, clock }: { readonly store: ChangeFeed; readonly clock: Clock },
  reader: TopicReader,
  { after, isEndless, signal, itemsPerPage = ITEMS_PER_PAGE }: Following,
): AsyncGenerator<TopicPage, void> {
  const wake = new WakeSignal(clock);
  const unsubscribe = store.onChange(() => wake.wake());
  let cursor = after;
  let told = after;
  let dueMs = clock.now();
  try {
    while (!signal.aborted) {
      const page = await readOrWait(() => reader.read(itemsPerPage, cursor), isEndless);
      if (page === undefined) await clock.sleep(UNAVAILABLE_PAUSE_MS, signal);
      if (page === undefined) continue;
      cursor = page.cursor;
      const isDue = !isEndless || clock.now() >= dueMs;
      if (isDue) dueMs = nextBeatMs(dueMs, clock.now());
      if (cursor !== told && (isDue || page.gap || page.messages.length > 0)) {
        yield page;
        told = cursor;
      }
      if (page.hasMore) continue;
      if (!isEndless) return;
      const untilBeat = (pauseMs: number): number =>
        Math.min(pauseMs, Math.max(0, dueMs - clock.now()));
      await wake.wait(untilBeat(MAX_PAUSE_MS), signal);
      await clock.sleep(untilBeat(MIN_PAUSE_MS), signal);
    }
  } finally {
    unsubscribe();
  }
}

function nextBeatMs(lastMs: number, nowMs: number): number {
  const passed = Math.max(0, Math.floor((nowMs - lastMs) / PLACE_EVERY_MS));
  return lastMs + (passed + 1) * PLACE_EVERY_MS;
}

async function readOrWait(
  read: () => Promise<TopicPage>,
  isEndless: boolean,
): Promise<TopicPage | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isEndless && error instanceof StoreUnavailableError) return undefined;
    throw error;
  }
}

/** No more messages than asked for; what is left out is not passed by. */
export function atMost(page: TopicPage, count: number): TopicPage {
  const last = page.messages[count - 1];
  if (last === undefined || page.messages.length <= count) return page;
  return { ...page, messages: page.messages.slice(0, count), cursor: last.cursor, hasMore: true };
}
