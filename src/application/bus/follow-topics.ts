import { z } from 'zod';
import { MAX_PATTERNS, patternProblem } from '../../domain/topic-pattern.ts';
import type { MessageBus } from '../../ports/message-bus.ts';
import { flagSchema, wholeNumberSchema } from '../call-arguments.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { atMost, topicPages } from './topic-pages.ts';
import { createTopicReader, type TopicPage } from './topic-reader.ts';
import type { ApplicationPorts, CallContext, UseCaseError, UseCaseResult } from '../use-case.ts';

export const followTopicsInputSchema = z.object({
  topics: z.array(z.string()).max(MAX_PATTERNS).optional().describe('Patterns; default: all'),
  after: z
    .string()
    .min(1)
    .optional()
    .describe('"oldest", "now" or a cursor; default: oldest, with follow now'),
  follow: flagSchema().optional().describe('Go on at the end until interrupted'),
  limit: wholeNumberSchema(1).optional().describe('Messages; default: no limit'),
});
export type FollowTopicsInput = z.infer<typeof followTopicsInputSchema>;

export interface FollowedTopics {
  readonly delivered: number;
  /** Goes on after what was delivered. */
  readonly cursor?: string;
}

/**
 * Hands on every message that fits one of the patterns, page by page, to the end of the feed, to the limit or until the
 * caller's signal aborts. Remembers nothing: who goes on later gives the cursor of the last answer.
 */
export function createFollowTopics(
  ports: Pick<ApplicationPorts, 'store' | 'plans' | 'clock'>,
): (
  context: CallContext,
  input: FollowTopicsInput,
  onPage: (page: TopicPage) => Promise<void>,
) => Promise<UseCaseResult<FollowedTopics>> {
  return (context, { topics = ['>'], after, follow = false, limit = Infinity }, onPage) =>
    translatingErrors<FollowedTopics>('nothing', async () => {
      const refusal = patternRefusal(topics);
      if (refusal !== undefined) return failure(refusal);
      const reader = createTopicReader(ports, context.tenant, topics);
      const start = after ?? (follow ? 'now' : 'oldest');
      const signal = context.signal ?? new AbortController().signal;
      let cursor = await startOf(ports.store, start);
      let delivered = 0;
      const following = { after: cursor, isEndless: follow, signal };
      for await (const page of topicPages(ports, reader, following)) {
        const part = atMost(page, limit - delivered);
        if (part.messages.length > 0 || part.gap) await onPage(part);
        cursor = part.cursor;
        delivered += part.messages.length;
        if (delivered >= limit) break;
      }
      return { ok: true, value: { delivered, ...(cursor !== undefined && { cursor }) } };
    });
}

/** The cursor to read after; `undefined`: from the oldest that is kept. */
export function startOf(
  bus: Pick<MessageBus, 'feedEnd'>,
  start: string,
): Promise<string | undefined> {
  if (start === 'now') return bus.feedEnd();
  return Promise.resolve(start === 'oldest' ? undefined : start);
}

export function patternRefusal(topics: readonly string[]): UseCaseError | undefined {
  for (const topic of topics) {
    const problem = patternProblem(topic);
    if (problem === undefined) continue;
    return {
      code: 'invalid_topic',
      message: `topic "${topic.slice(0, 100)}": ${problem}`,
      changed: 'nothing',
      next: 'Name topics or patterns: runs.*, agents.*.tasks, orders.> (`*` is one level, at the end one or more, as `>` is).',
    };
  }
  return undefined;
}
