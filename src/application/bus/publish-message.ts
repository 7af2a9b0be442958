import { z } from 'zod';
import { topicProblem } from '../../domain/topic-pattern.ts';
import {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_ID_CHARS,
  type NewBusMessage,
} from '../../ports/message-bus.ts';
import { checkJson, jsonValueSchema } from '../call-arguments.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase, UseCaseError } from '../use-case.ts';

export const publishMessageInputSchema = z.object({
  topic: z.string().min(1).describe('Words between dots, e.g. orders.new'),
  body: jsonValueSchema('Any JSON'),
  id: z
    .string()
    .min(1)
    .max(MAX_MESSAGE_ID_CHARS)
    .optional()
    .describe('Repeat with the same id to be safe'),
});
export type PublishMessageInput = z.infer<typeof publishMessageInputSchema>;

export interface PublishedMessage {
  readonly topic: string;
  /** As given, else made for this message. */
  readonly id: string;
  /** It had been published before under this id, and was not again. */
  readonly duplicate: boolean;
}

/**
 * Publishes one message under a topic of one's own. It is durable when this answers. If the process dies before, it may be
 * published or not: the same call with the same id then publishes it once.
 */
export function createPublishMessage(
  ports: Pick<ApplicationPorts, 'store' | 'ids'>,
): UseCase<PublishMessageInput, PublishedMessage> {
  return ({ tenant }, { topic, body, id: givenId }) =>
    translatingErrors<PublishedMessage>('unknown', async () => {
      const refusal = topicRefusal(topic) ?? bodyRefusal(body);
      if (refusal !== undefined) return failure(refusal);
      const id = givenId ?? ports.ids.newId();
      const message: NewBusMessage = { id, topic, body };
      const { duplicates } = await ports.store.publish(tenant, [message]);
      return { ok: true, value: { topic, id, duplicate: duplicates > 0 } };
    });
}

function topicRefusal(topic: string): UseCaseError | undefined {
  const problem = topicProblem(topic);
  if (problem === undefined) return undefined;
  return {
    code: 'invalid_topic',
    message: `topic "${topic.slice(0, 100)}": ${problem}`,
    changed: 'nothing',
    next: 'Publish under a topic like "orders.new".',
  };
}

function bodyRefusal(body: unknown): UseCaseError | undefined {
  const json = checkJson(body);
  if (!json.ok)
    return {
      code: 'invalid_payload',
      message: 'body: is no acceptable JSON',
      changed: 'nothing',
      next: 'Correct the named places; what is nested deeply fits as text.',
      violations: json.violations,
    };
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes <= MAX_MESSAGE_BYTES) return undefined;
  return {
    code: 'payload_too_large',
    message: `body: holds ${bytes} bytes, at most ${MAX_MESSAGE_BYTES} fit into a message`,
    changed: 'nothing',
    next: 'Keep what is large in a file and publish its name.',
  };
}
