import { z } from 'zod';
import type { Health } from '../../../application/health/get-health.ts';
import { isoTime } from '../../../application/runs/step-view.ts';
import { MAX_MESSAGE_ID_CHARS } from '../../../ports/message-bus.ts';
import { defineRoute } from '../define-route.ts';
import { NONE, anyJson, time } from '../schemas.ts';

const health = z.object({
  status: z.enum(['ok', 'degraded']),
  reasons: z.array(z.string()).describe('Why it is degraded'),
  store: z
    .object({
      kind: z.enum(['memory', 'sqlite', 'redis']),
      durability: z.string(),
      schema_version: z.int(),
    })
    .optional()
    .describe('Absent when the store does not answer'),
  queues: z.array(
    z.object({
      queue: z.string(),
      waiting: z.int(),
      leased: z.int(),
      oldest_waiting_since: time.optional(),
    }),
  ),
  workers: z.array(
    z.object({
      worker_id: z.string(),
      queues: z.array(z.string()),
      busy: z.int(),
      limit: z.int(),
      started_at: time,
    }),
  ),
  breakers: z
    .array(
      z.object({
        target: z.string(),
        state: z.enum(['open', 'half_open']),
        failures: z.int(),
        since: time,
        next_trial_at: time,
        last_error: z.string(),
        worker_id: z.string().optional(),
      }),
    )
    .describe('What is known to be down'),
});

export const getHealth = defineRoute({
  name: 'get_health',
  method: 'GET',
  path: '/health',
  tag: 'operations',
  summary: 'How the store, the queues and the workers are',
  description: 'Answers 200 also where they are not well: /healthz and /readyz are for probes.',
  useCase: 'getHealth',
  params: NONE,
  query: NONE,
  body: NONE,
  statuses: { 200: 'How they are' },
  answer: ['Health', health],
  errors: [],
  run: async (application, context) => {
    const read = await application.getHealth(context, {});
    return read.ok ? { ok: true, value: { status: 200, body: viewHealth(read.value) } } : read;
  },
});

/** Where things stand on the server's machine is for its own people: baton doctor tells. */
function viewHealth({
  status,
  reasons,
  store,
  queues,
  workers,
  breakers,
}: Health): z.infer<typeof health> {
  return {
    status,
    reasons: [...reasons],
    ...(store && {
      store: {
        kind: store.kind,
        durability: store.durability,
        schema_version: store.schemaVersion,
      },
    }),
    queues: queues.map(({ queue, waiting, leased, oldestWaitingSinceMs }) => ({
      queue,
      waiting,
      leased,
      ...(oldestWaitingSinceMs !== undefined && {
        oldest_waiting_since: isoTime(oldestWaitingSinceMs),
      }),
    })),
    workers: workers.map(({ workerId, queues: served, busy, limit, startedAtMs }) => ({
      worker_id: workerId,
      queues: served,
      busy,
      limit,
      started_at: isoTime(startedAtMs),
    })),
    breakers: breakers.map((breaker) => ({
      target: breaker.target,
      state: breaker.state,
      failures: breaker.failures,
      since: isoTime(breaker.sinceMs),
      next_trial_at: isoTime(breaker.nextProbeAtMs),
      last_error: breaker.lastError,
      ...(breaker.worker !== undefined && { worker_id: breaker.worker }),
    })),
  };
}

export const publishMessage = defineRoute({
  name: 'publish_message',
  method: 'POST',
  path: '/messages',
  tag: 'operations',
  summary: 'Publish a message under a topic of your own',
  description: 'Durable when it answers. The same id again is not published twice.',
  useCase: 'publishMessage',
  params: NONE,
  query: NONE,
  body: z.strictObject({
    topic: z.string().min(1).max(500).describe('Words between dots'),
    body: anyJson('Any JSON'),
    id: z
      .string()
      .min(1)
      .max(MAX_MESSAGE_ID_CHARS)
      .optional()
      .describe(
        'Makes it safe to repeat: under a topic an id is published once, for as long as the feed keeps it; the first body stays, and a later one is not compared with it',
      ),
  }),
  example: { topic: 'orders.new', body: { order: 17 }, id: 'order-17' },
  statuses: { 201: 'Published', 200: 'Was published before, under this id' },
  answer: [
    'PublishedMessage',
    z.object({ topic: z.string(), id: z.string(), duplicate: z.boolean() }),
  ],
  errors: ['invalid_payload', 'invalid_topic', 'payload_too_large'],
  run: async (application, context, { body }) => {
    const published = await application.publishMessage(context, body);
    if (!published.ok) return published;
    const status = published.value.duplicate ? 200 : 201;
    return { ok: true, value: { status, body: published.value } };
  },
});
