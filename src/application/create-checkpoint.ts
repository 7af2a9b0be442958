import { z } from 'zod';
import type { RepositoryState } from '../domain/events.ts';
import { MAX_ARTIFACT_BYTES } from '../ports/artifact-store.ts';
import { RepositoryError } from '../ports/repository-reader.ts';
import type { RunKey } from '../ports/run-store.ts';
import { digestOf, idempotencyKeySchema, runIdSchema } from './call-arguments.ts';
import { viewCheckpoint, type CheckpointView } from './checkpoint-view.ts';
import { failure, recordedOr, translatingErrors, unknownRun } from './outcome-error.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from './use-case.ts';

export const checkpointInputSchema = z.object({
  run_id: runIdSchema,
  name: z.string().trim().min(1).max(100),
  note: z.string().max(4_000).optional().describe('What was reached'),
  repository: z
    .string()
    .min(1)
    .optional()
    .describe('Path of a git repository: its commit and uncommitted changes are kept'),
  idempotency_key: idempotencyKeySchema,
});
export type CheckpointInput = z.infer<typeof checkpointInputSchema>;

export interface CreatedCheckpoint extends CheckpointView {
  /** The same request was recorded before; nothing was changed now. */
  readonly duplicate?: true;
}

/**
 * Names the present point of a run's history, durably; with `repository` also the commit it stands at and, up to 4 MiB,
 * everything that is not committed, new files included. The diff is kept before the event that names it: if the process
 * dies in between, no checkpoint stands.
 */
export function createCheckpoint(
  ports: ApplicationPorts,
): UseCase<CheckpointInput, CreatedCheckpoint> {
  return (context, input) =>
    translatingErrors<CreatedCheckpoint>('unknown', async () => {
      const key = { tenant: context.tenant, runId: input.run_id };
      const { name, note, idempotency_key } = input;
      if ((await ports.runs.refresh(key)) === undefined) return failure(unknownRun(key.runId));
      const repository = await keepRepository(ports, key, input.repository);
      if (!repository.ok) return repository;
      const outcome = await ports.execute(key, {
        command: {
          type: 'CreateCheckpoint',
          name,
          ...(note !== undefined && { note }),
          ...(repository.value && { repository: repository.value }),
        },
        commandId:
          idempotency_key === undefined ? `call:${ports.ids.newId()}` : `client:${idempotency_key}`,
        actor: context.actor,
        causationId: context.causationId,
        // What the repository looks like now is no part of the request.
        ...(idempotency_key !== undefined && {
          digest: digestOf(JSON.stringify([name, note, input.repository])),
        }),
      });
      const recorded = recordedOr(outcome, { runId: key.runId, idempotencyKey: idempotency_key });
      if (!recorded.ok) return recorded;
      return answer(ports, key, name, recorded.value.isRepetition);
    });
}

async function keepRepository(
  ports: ApplicationPorts,
  key: RunKey,
  directory: string | undefined,
): Promise<UseCaseResult<RepositoryState | undefined>> {
  if (directory === undefined) return { ok: true, value: undefined };
  try {
    const limits = { maxDiffBytes: MAX_ARTIFACT_BYTES };
    const { state, diff } = await ports.repositories.read(directory, limits);
    if (diff === undefined) return { ok: true, value: state };
    const { content, files } = diff;
    const artifactId = await ports.store.putArtifact(key, { mediaType: 'text/x-diff', content });
    if (artifactId === undefined) return failure(unknownRun(key.runId));
    const kept = { artifactId, bytes: content.byteLength, files };
    return { ok: true, value: { ...state, diff: kept } };
  } catch (error) {
    if (!(error instanceof RepositoryError)) throw error;
    return failure({
      code: 'repository_unreadable',
      message: `No checkpoint was made: ${error.message}.`,
      changed: 'nothing',
      next: 'Correct the path, or leave repository out to name the point in the history alone.',
    });
  }
}

/** The newest of that name: the one just made, or the one that an earlier call made. */
async function answer(
  ports: ApplicationPorts,
  key: RunKey,
  name: string,
  isRepetition: boolean,
): Promise<UseCaseResult<CreatedCheckpoint>> {
  const run = await ports.runs.refresh(key);
  const made = run?.state.run.checkpoints.findLast((checkpoint) => checkpoint.name === name);
  if (made === undefined)
    throw new Error(`checkpoint "${name}" of run ${key.runId} was recorded and is not there`);
  return {
    ok: true,
    value: { ...viewCheckpoint(key.runId, made), ...(isRepetition && { duplicate: true }) },
  };
}
