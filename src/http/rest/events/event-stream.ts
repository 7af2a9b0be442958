import type { TopicMessage, TopicPage } from '../../../application/bus/topic-reader.ts';
import { abortWith } from '../abort-with.ts';
import { BROKEN, GAP, GOODBYE, RETRY, messageText, placeText } from './sse-text.ts';

/** Text of one chunk; a message that passes it still goes whole. */
const MAX_CHUNK_CHARS = 65_536;

export interface EventStreamOptions {
  /** Where it begins; absent: at the oldest. */
  readonly cursor: string | undefined;
  readonly pages: AsyncGenerator<TopicPage, void>;
  readonly wants: (message: TopicMessage) => boolean;
  readonly isShutDown: () => boolean;
  /** Ends the reading behind `pages`, and with it the stream. */
  readonly ending: AbortController;
  /** What ends it. */
  readonly endings: readonly AbortSignal[];
  readonly reportDefect: (error: unknown) => void;
}

/**
 * Pages as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Pulled: nothing is read
 * before the client has taken what came before, so that a slow one holds one page. Every place that was passed is told, also
 * where nothing was for the client: one that reconnects sees each message at least once. What keeps it awake while nothing
 * happens is in front of it.
 */
export function createEventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const text = eventTexts(options);
  const encoder = new TextEncoder();
  // What it waits for ends with the signal; then it frees what it holds.
  const free = (): void => void text.return();
  options.ending.signal.addEventListener('abort', free, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await text.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => options.ending.abort(),
    },
    { highWaterMark: 0 },
  );
}

/** Never throws: a stream that breaks without a word is opened again and again. */
async function* eventTexts(options: EventStreamOptions): AsyncGenerator<string, void> {
  const { cursor, pages, wants, isShutDown, ending, endings, reportDefect } = options;
  // Not before somebody reads: a response that nobody reads (to HEAD) holds nothing.
  const release = abortWith(ending, endings);
  try {
    yield cursor === undefined ? RETRY : RETRY + placeText(cursor);
    for await (const page of pages) yield* pageTexts(page, wants);
    if (isShutDown()) yield GOODBYE;
  } catch (error) {
    reportDefect(error);
    yield BROKEN;
  } finally {
    release();
    ending.abort();
    await pages.return();
  }
}

function* pageTexts(page: TopicPage, wants: EventStreamOptions['wants']): Generator<string, void> {
  let chunk = page.gap ? GAP : '';
  let place: string | undefined;
  for (const message of page.messages) {
    if (!wants(message)) continue;
    chunk += messageText(message);
    place = message.cursor;
    if (chunk.length < MAX_CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
  }
  if (place !== page.cursor) chunk += placeText(page.cursor);
  if (chunk !== '') yield chunk;
}
