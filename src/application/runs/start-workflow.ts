import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { isFinished } from '../../domain/lifecycle.ts';
import { MAX_PAYLOAD_BYTES } from '../../domain/limits.ts';
import { prioritySchema } from '../../domain/priority.ts';
import type { RegisteredDefinition } from '../../ports/definition-catalog.ts';
import type { RunKey } from '../../ports/run-store.ts';
import {
  MAX_WAIT_SECONDS,
  checkJson,
  digestOf,
  idempotencyKeySchema,
  jsonObjectSchema,
  wholeNumberSchema,
} from '../call-arguments.ts';
import { findDefinition, parseReference } from '../catalog/find-definition.ts';
import { failure, recordedOr, translatingErrors } from '../commands/outcome-error.ts';
import type { Reason } from '../commands/reason.ts';
import { needsSomebody, reasonsOf } from './run-reasons.ts';
import { readSituation } from './run-situation.ts';
import { nextCalls, summariseRun, type RunSummary } from './run-view.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from '../use-case.ts';
import { waitForRun } from './wait-for-run.ts';

/** The id of a run's first command: a run starts once, whoever asks. */
const START_COMMAND_ID = 'start';

export const startWorkflowInputSchema = z.object({
  workflow: z.string().min(1).describe('Registered name, or name@version'),
  input: jsonObjectSchema('What its input schema asks for').optional(),
  idempotency_key: idempotencyKeySchema.describe('Same key: same run, started once'),
  priority: prioritySchema.optional().describe('Of its queued steps; default normal'),
  wait_seconds: wholeNumberSchema(0, MAX_WAIT_SECONDS)
    .optional()
    .describe('Wait this long for the end; default 0'),
});
export type StartWorkflowInput = z.infer<typeof startWorkflowInputSchema>;

export interface StartedWorkflow extends RunSummary {
  /** The same request was accepted before; nothing was started now. */
  readonly duplicate?: true;
  /** What somebody has to act on already: a missing worker, a signal. */
  readonly attention: readonly Reason[];
  readonly next: readonly string[];
}

/**
 * Starts a run. Answers only after it is durable. With an idempotency key a repetition answers the run of the first
 * call, also from another process or after a crash; the same key with another workflow or input is refused. If the
 * process dies meanwhile, the run exists whole or not at all.
 */
export function createStartWorkflow(
  ports: ApplicationPorts,
): UseCase<StartWorkflowInput, StartedWorkflow> {
  return (context, input) =>
    translatingErrors('unknown', async () => {
      const request = await translatingErrors('nothing', () => prepare(ports, context, input));
      if (!request.ok) return request;
      const { key, definition, runInput, digest } = request.value;
      const outcome = await ports.execute(key, {
        command: {
          type: 'StartWorkflow',
          runId: key.runId,
          definitionVersion: definition.version,
          input: runInput,
          workspace: ports.workspace,
          ...(input.priority !== undefined && { priority: input.priority }),
        },
        commandId: START_COMMAND_ID,
        actor: context.actor,
        causationId: context.causationId,
        hasCaller: true,
        ...(context.traceparent !== undefined && { traceparent: context.traceparent }),
        ...(input.idempotency_key !== undefined && { digest }),
        plan: await ports.plans.get(context.tenant, definition.hash),
      });
      const recorded = recordedOr(outcome, {
        runId: key.runId,
        idempotencyKey: input.idempotency_key,
      });
      if (!recorded.ok) return recorded;
      const waitMs = (input.wait_seconds ?? 0) * 1_000;
      return answer(ports, context, { key, waitMs, isDuplicate: recorded.value.isRepetition });
    });
}

interface StartRequest {
  readonly key: RunKey;
  readonly definition: RegisteredDefinition;
  readonly runInput: JsonObject;
  readonly digest: string;
}

async function prepare(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  input: StartWorkflowInput,
): Promise<UseCaseResult<StartRequest>> {
  const runInput = input.input ?? {};
  const json = checkJson(runInput);
  if (!json.ok)
    return failure({
      code: 'invalid_arguments',
      message: 'The input is not acceptable JSON.',
      changed: 'nothing',
      next: 'Correct the named places and call again.',
      violations: json.violations.map(({ path, message }) => ({ path: `input.${path}`, message })),
    });
  if (Buffer.byteLength(json.text) > MAX_PAYLOAD_BYTES)
    return failure({
      code: 'payload_too_large',
      message: `The input is larger than ${MAX_PAYLOAD_BYTES} bytes.`,
      changed: 'nothing',
      next: 'Write the content to a file of the workspace and pass its path.',
    });
  const key = { tenant, runId: runIdOf(ports, tenant, input.idempotency_key) };
  const definition = await definitionFor(ports, key, input);
  if (!definition.ok) return definition;
  // Without a priority the digest is that of a Baton that knew none.
  const { priority } = input;
  const digest = digestOf(
    definition.value.hash,
    json.text,
    ...(priority === undefined ? [] : [priority]),
  );
  return { ok: true, value: { key, definition: definition.value, runInput, digest } };
}

/** From a secret of the store, so that a key cannot be guessed from an id; 128 bits. */
function runIdOf(ports: ApplicationPorts, tenant: string, key: string | undefined): string {
  if (key === undefined) return ports.ids.newId();
  const hmac = createHmac('sha256', ports.store.secret).update(JSON.stringify([tenant, key]));
  return hmac.digest('hex').slice(0, 32);
}

/** A repetition means the version that the first call started, though a newer one may be registered by now. */
async function definitionFor(
  ports: ApplicationPorts,
  key: RunKey,
  { workflow, idempotency_key }: StartWorkflowInput,
): Promise<UseCaseResult<RegisteredDefinition>> {
  const { name, version } = parseReference(workflow);
  const earlier = idempotency_key === undefined ? undefined : await ports.runs.get(key);
  if (earlier?.state.run.name === name && version === undefined) {
    const pinned = earlier.state.run.definitionVersion;
    return findDefinition(ports.store, key.tenant, `${name}@${pinned}`);
  }
  return findDefinition(ports.store, key.tenant, workflow);
}

async function answer(
  ports: ApplicationPorts,
  context: CallContext,
  run: { readonly key: RunKey; readonly waitMs: number; readonly isDuplicate: boolean },
): Promise<UseCaseResult<StartedWorkflow>> {
  const look = async (): Promise<UseCaseResult<StartedWorkflow>> => {
    const situation = await readSituation(ports, run.key);
    if (!situation.ok) return situation;
    const summary = summariseRun(situation.value);
    const attention = reasonsOf(situation.value).filter(needsSomebody);
    return {
      ok: true,
      value: {
        ...summary,
        ...(run.isDuplicate && { duplicate: true }),
        attention,
        next: nextCalls(summary, attention),
      },
    };
  };
  const settled = await waitForRun(ports, {
    key: run.key,
    untilMs: ports.clock.now() + run.waitMs,
    signal: context.signal,
    look: async () => {
      const seen = await look();
      return !seen.ok || isSettled(seen.value) ? seen : undefined;
    },
  });
  return settled ?? look();
}

function isSettled({ status, attention }: StartedWorkflow): boolean {
  return isFinished(status) || attention.length > 0;
}
