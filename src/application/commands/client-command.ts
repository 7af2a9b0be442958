import type { Command } from '../../domain/commands.ts';
import type { EventBody } from '../../domain/events.ts';
import type { IdSource } from '../../ports/id-source.ts';
import { digestOf } from '../call-arguments.ts';
import { recordedOr, type Recorded } from './outcome-error.ts';
import { readSituation } from '../runs/run-situation.ts';
import { nextCalls, summariseRun, type RunSummary } from '../runs/run-view.ts';
import { needsSomebody, reasonsOf } from '../runs/run-reasons.ts';
import type { ApplicationPorts, CallContext, UseCaseResult } from '../use-case.ts';

export interface ClientRequest {
  readonly run_id: string;
  readonly idempotency_key?: string | undefined;
}

/** What a command to an existing run is answered. */
export interface CommandAnswer extends RunSummary {
  /** False when there was nothing to do (already so) or the request was a repetition. */
  readonly changed: boolean;
  /** The same request was recorded before; nothing was changed now. */
  readonly duplicate?: true;
  readonly next: readonly string[];
}

/** Without an idempotency key every call is a request of its own. */
export function clientCommandId(ids: IdSource, idempotencyKey: string | undefined): string {
  return idempotencyKey === undefined ? `call:${ids.newId()}` : `client:${idempotencyKey}`;
}

/** `commandId` where the caller needs it before; `asked` where the command holds more than the client asked for. */
export async function recordCommand(
  ports: ApplicationPorts,
  context: CallContext,
  request: ClientRequest,
  command: Command,
  more: { readonly commandId?: string; readonly asked?: unknown } = {},
): Promise<UseCaseResult<Recorded>> {
  const { run_id: runId, idempotency_key: idempotencyKey } = request;
  const { commandId = clientCommandId(ports.ids, idempotencyKey), asked = command } = more;
  const outcome = await ports.execute(
    { tenant: context.tenant, runId },
    {
      command,
      commandId,
      actor: context.actor,
      causationId: context.causationId,
      hasCaller: true,
      ...(context.traceparent !== undefined && { traceparent: context.traceparent }),
      ...(idempotencyKey !== undefined && { digest: digestOf(JSON.stringify(asked)) }),
    },
  );
  return recordedOr(outcome, { runId, idempotencyKey });
}

/**
 * Sends a client's command to a run and answers how the run stands after it.
 */
export async function sendCommand(
  ports: ApplicationPorts,
  context: CallContext,
  request: ClientRequest,
  command: Command,
): Promise<UseCaseResult<{ answer: CommandAnswer; events: readonly EventBody[] }>> {
  const recorded = await recordCommand(ports, context, request, command);
  if (!recorded.ok) return recorded;
  const key = { tenant: context.tenant, runId: request.run_id };
  const situation = await readSituation(ports, key);
  if (!situation.ok) return situation;
  const { events, isRepetition } = recorded.value;
  const summary = summariseRun(situation.value);
  const attention = reasonsOf(situation.value).filter(needsSomebody);
  const answer: CommandAnswer = {
    ...summary,
    changed: events.length > 0,
    ...(isRepetition && { duplicate: true }),
    next: nextCalls(summary, attention),
  };
  return { ok: true, value: { answer, events } };
}
