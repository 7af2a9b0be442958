import type { RepositoryState } from '../../domain/events.ts';
import { parseCheckpointId } from './checkpoint-view.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase, UseCaseError } from '../use-case.ts';

export interface ReadCheckpointDiffInput {
  readonly checkpoint_id: string;
}

export interface CheckpointDiff {
  /** As `git diff --binary` wrote it, against `repository.commit`; text of any encoding. */
  readonly content: Uint8Array;
  readonly repository: RepositoryState;
}

/** Answers the diff that a checkpoint kept, byte for byte; it is there as long as the run. */
export function createReadCheckpointDiff(
  ports: ApplicationPorts,
): UseCase<ReadCheckpointDiffInput, CheckpointDiff> {
  return ({ tenant }, { checkpoint_id }) =>
    translatingErrors<CheckpointDiff>('nothing', async () => {
      const point = parseCheckpointId(checkpoint_id);
      if (point === undefined) return failure(unknownCheckpoint(checkpoint_id));
      const key = { tenant, runId: point.runId };
      const run = await ports.runs.refresh(key);
      const checkpoint = run?.state.run.checkpoints.find(
        ({ sequence }) => sequence === point.sequence,
      );
      if (checkpoint === undefined) return failure(unknownCheckpoint(checkpoint_id));
      const { repository } = checkpoint;
      if (repository?.diff === undefined) return failure(noDiff(checkpoint_id, repository));
      const artifact = await ports.store.getArtifact(key, repository.diff.artifactId);
      if (artifact === undefined)
        throw new Error(`the diff of checkpoint ${checkpoint_id} is not in the store`);
      return { ok: true, value: { content: artifact.content, repository } };
    });
}

function unknownCheckpoint(id: string): UseCaseError {
  return {
    code: 'unknown_checkpoint',
    message: `There is no checkpoint "${id}".`,
    changed: 'nothing',
    next: 'list_catalog {"kind":"checkpoints"} shows the checkpoints and their ids.',
  };
}

function noDiff(id: string, repository: RepositoryState | undefined): UseCaseError {
  const reason =
    repository === undefined
      ? 'it was made without a repository'
      : (repository.diffLeftOut ?? 'nothing had changed since its commit');
  return {
    code: 'no_diff',
    message: `The checkpoint "${id}" keeps no diff: ${reason}.`,
    changed: 'nothing',
    next: 'list_catalog {"kind":"checkpoints"} shows which checkpoints were made with changes.',
  };
}
