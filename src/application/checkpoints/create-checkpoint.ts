import { z } from 'zod';
import type { RepositoryState } from '../../domain/events.ts';
import { MAX_ARTIFACT_BYTES } from '../../ports/artifact-store.ts';
import { RepositoryError } from '../../ports/repository-reader.ts';
import type { RunKey } from '../../ports/run-store.ts';
import { idempotencyKeySchema, runIdSchema } from '../call-arguments.ts';
import { viewCheckpoint, type CheckpointView } from './checkpoint-view.ts';
import { clientCommandId, recordCommand } from '../commands/client-command.ts';
import {
  failure,
  translatingErrors,
  unknownRun,
  type Recorded,
} from '../commands/outcome-error.ts';
import { createRehearseCommand } from '../commands/rehearse-command.ts';
import { seesInstallation } from '../access/tenant-view.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

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
 * everything that is not committed, new files included. The diff is kept before the event that names it, and only where
 * the run would take that event: a refusal or a repetition keeps nothing. If the process dies in between, or the run
 * fills up in that moment, no checkpoint stands and the diff goes with the run.
 */
export function createCheckpoint(
  ports: ApplicationPorts,
): UseCase<CheckpointInput, CreatedCheckpoint> {
  const rehearse = createRehearseCommand(ports);
  return (context, input) =>
    translatingErrors<CreatedCheckpoint>('unknown', async () => {
      const key = { tenant: context.tenant, runId: input.run_id };
      const { name, note, idempotency_key } = input;
      if (input.repository !== undefined && !seesInstallation(context)) return notYourFiles();
      if ((await ports.runs.refresh(key)) === undefined) return failure(unknownRun(key.runId));
      const commandId = clientCommandId(ports.ids, idempotency_key);
      const command = {
        type: 'CreateCheckpoint',
        name,
        ...(note !== undefined && { note }),
      } as const;
      const repository = await keepRepository(ports, key, input.repository, async () => {
        const isRecorded = (await ports.store.findCommand(key, commandId)) !== undefined;
        if (isRecorded) return { ok: true, value: false };
        const accepted = await rehearse(context, { run_id: key.runId, command });
        return accepted.ok ? { ok: true, value: true } : accepted;
      });
      if (!repository.ok) return repository;
      const complete = { ...command, ...(repository.value && { repository: repository.value }) };
      // What the repository looks like now is no part of the request.
      const asked = [name, note, input.repository];
      const recorded = await recordCommand(ports, context, input, complete, { commandId, asked });
      return recorded.ok ? answer(ports, key, name, recorded.value) : recorded;
    });
}

/** The repositories that can be read are the installation's. */
function notYourFiles(): UseCaseResult<never> {
  return failure({
    code: 'repository_not_available',
    message: 'No checkpoint was made: the repositories of this server belong to another tenant.',
    changed: 'nothing',
    next: 'Leave repository out to name the point in the history alone.',
  });
}

/** `isWanted` is false for a repetition, whose first answer needs no repository, and refuses as the run would. */
async function keepRepository(
  ports: ApplicationPorts,
  key: RunKey,
  directory: string | undefined,
  isWanted: () => Promise<UseCaseResult<boolean>>,
): Promise<UseCaseResult<RepositoryState | undefined>> {
  const nothing = { ok: true, value: undefined } as const;
  if (directory === undefined) return nothing;
  try {
    const before = await isWanted();
    if (!before.ok) return before;
    if (!before.value) return nothing;
    const limits = { maxDiffBytes: MAX_ARTIFACT_BYTES };
    const { state, diff } = await ports.repositories.read(directory, limits);
    if (diff === undefined) return { ok: true, value: state };
    // Reading takes seconds, in which the run goes on and an impatient caller may call again.
    const after = await isWanted();
    if (!after.ok) return after;
    if (!after.value) return nothing;
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

/** The newest of that name when it was recorded: the one just made, or the one that an earlier call made. */
async function answer(
  ports: ApplicationPorts,
  key: RunKey,
  name: string,
  { isRepetition, version }: Recorded,
): Promise<UseCaseResult<CreatedCheckpoint>> {
  const run = await ports.runs.refresh(key);
  const made = run?.state.run.checkpoints.findLast(
    (checkpoint) => checkpoint.name === name && checkpoint.sequence <= version,
  );
  if (made === undefined)
    throw new Error(`checkpoint "${name}" of run ${key.runId} was recorded and is not there`);
  return {
    ok: true,
    value: { ...viewCheckpoint(key.runId, made), ...(isRepetition && { duplicate: true }) },
  };
}
