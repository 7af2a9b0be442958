import { z } from 'zod';
import { jsonSchema } from '../../domain/events.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { EngineWork } from '../../ports/work-source.ts';
import type { ExecuteCommand } from '../commands/execute-command.ts';

/** The commands a run may send to another one. */
const messageBodySchema = z.object({
  type: z.literal('SignalWorkflow'),
  name: z.string(),
  payload: jsonSchema,
});

/**
 * Delivers one message of the outbox. At least once; the message id is the target's command id, so that the
 * target records it once. Dying between the target's commit and the discard only delivers it again. None crosses tenants.
 */
export async function relayMessage(
  ports: { readonly store: Store; readonly execute: ExecuteCommand; readonly logger: Logger },
  message: Extract<EngineWork, { kind: 'message' }>,
): Promise<void> {
  const { messageId, target, lease } = message;
  const body = messageBodySchema.safeParse(message.body);
  if (!body.success) {
    ports.logger.error({ messageId, target }, 'dropped a message that is no command');
    return ports.store.discard(lease);
  }
  if (target.tenant !== lease.key.tenant) {
    ports.logger.error({ messageId, target }, 'dropped a message to another tenant');
    return ports.store.discard(lease);
  }
  const outcome = await ports.execute(target, {
    command: body.data,
    commandId: `message:${messageId}`,
    causationId: `message:${messageId}`,
    actor: `run:${lease.key.runId}`,
    acknowledge: lease,
  });
  if (outcome.kind === 'committed' || outcome.kind === 'leaseLost') return;
  if (outcome.kind === 'unavailable') return ports.store.release(lease);
  if (outcome.kind !== 'duplicate')
    ports.logger.warn(
      { messageId, target, outcome: outcome.kind },
      'message could not be delivered',
    );
  await ports.store.discard(lease);
}
