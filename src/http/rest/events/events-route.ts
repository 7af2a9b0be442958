import { z } from 'zod';
import { MAX_PATTERNS } from '../../../domain/topic-pattern.ts';
import { defineRoute } from '../define-route.ts';
import { NONE } from '../schemas.ts';
import { createEventStream } from './event-stream.ts';
import { EVENT_TYPES, selectEvents } from './event-filter.ts';

function names(description: string, name: z.ZodType<string> = z.string().min(1).max(200)) {
  return z.array(name).max(MAX_PATTERNS).optional().describe(description);
}

const place = z.string().min(1).max(1_000);

export const followEvents = defineRoute({
  name: 'follow_events',
  method: 'GET',
  path: '/events',
  tag: 'operations',
  summary: 'Live events, as server-sent events',
  description:
    'From the durable feed: each event of a run, and each published message, as `{id, topic, at, body}`. Its `id` is a place in the feed; who connects again with Last-Event-ID (browsers do by themselves) sees every event at least once. `event: gap` says that some are no longer kept. Several filters of one kind widen the choice, of different kinds narrow it.',
  useCase: 'streamTopics',
  params: NONE,
  query: z.strictObject({
    run: names('Only events of these runs'),
    type: names('Only events of these types', z.enum(EVENT_TYPES)),
    topic: names('Topics or patterns: orders.new, agents.*.tasks, runs.>'),
    after: place.optional().describe('A place, "oldest" or "now" (default). Last-Event-ID wins'),
  }),
  body: NONE,
  reads: { 'Last-Event-ID': 'Place to go on from' },
  statuses: { 200: 'The stream; it ends when the server does' },
  otherType: 'text/event-stream',
  errors: ['invalid_cursor', 'invalid_topic', 'too_many_streams', 'shutting_down'],
  run: async (application, context, { query }) => {
    const { run: runs = [], type: types = [], topic: topics = [] } = query;
    const { patterns, wants } = selectEvents({ runs, types, topics });
    const lastEventId = context.header('last-event-id') ?? '';
    const ending = new AbortController();
    const opened = await application.streamTopics(
      { ...context, signal: ending.signal },
      { topics: patterns, after: lastEventId || (query.after ?? 'now') },
    );
    if (!opened.ok) return opened.error.code === 'invalid_cursor' ? unknownPlace() : opened;
    const { endings, isShutDown, reportDefect } = context;
    const { cursor, pages } = opened.value;
    const content = createEventStream({
      ...{ cursor, pages, wants, isShutDown, ending, endings, reportDefect },
    });
    return { ok: true, value: { status: 200, content } };
  },
});

/** A list begins at the start where the cursor is left out; this begins now. */
function unknownPlace() {
  return {
    ok: false,
    error: {
      code: 'invalid_cursor',
      message: 'The place to go on from (Last-Event-ID, else after) is not one of this feed.',
      changed: 'nothing',
      next: 'Connect without Last-Event-ID: with after=oldest for all that is kept, or without it for what comes from now on.',
    },
  } as const;
}
