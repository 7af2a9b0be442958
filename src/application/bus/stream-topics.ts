import { createTopicReader, type TopicPage } from './topic-reader.ts';
import { patternRefusal, startOf } from './follow-topics.ts';
import { topicPages } from './topic-pages.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

/** Fewer than for a reader at a terminal: many streams are open at once, and each holds one page. */
const ITEMS_PER_PAGE = 100;

export interface StreamTopicsInput {
  /** Patterns. */
  readonly topics: readonly string[];
  /** `oldest`, `now` or a cursor. */
  readonly after: string;
}

export interface TopicStream {
  /** Where it begins; absent: at the oldest that is kept. */
  readonly cursor?: string;
  /**
   * One page for each request, nothing read ahead: who reads slowly holds one page. Endless, pages without messages
   * included (their cursor has moved on); ends when the caller's signal aborts. Waits out a store that does not answer.
   */
  readonly pages: AsyncGenerator<TopicPage, void>;
}

/** Follows topics for as long as the reader wants. A cursor that is none is refused before anything is streamed. */
export function createStreamTopics(
  ports: Pick<ApplicationPorts, 'store' | 'plans' | 'clock'>,
): UseCase<StreamTopicsInput, TopicStream> {
  return ({ tenant, signal }, { topics, after }) =>
    translatingErrors<TopicStream>('nothing', async () => {
      const refusal = patternRefusal(topics);
      if (refusal !== undefined) return failure(refusal);
      const cursor = await startOf(ports.store, after);
      const from = cursor === undefined ? {} : { after: cursor };
      await ports.store.readFeed({ tenant, limit: 1, ...from });
      const pages = topicPages(ports, createTopicReader(ports, tenant, topics), {
        after: cursor,
        isEndless: true,
        signal: signal ?? new AbortController().signal,
        itemsPerPage: ITEMS_PER_PAGE,
      });
      return { ok: true, value: { pages, ...(cursor !== undefined && { cursor }) } };
    });
}
