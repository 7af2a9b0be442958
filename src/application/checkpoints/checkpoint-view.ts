import type { RepositoryState } from '../../domain/events.ts';
import type { Checkpoint } from '../../domain/state.ts';
import { isoTime } from '../runs/step-view.ts';

export interface CheckpointView {
  /** `<run_id>@<sequence>`: the point in the run's history right after that event. */
  readonly checkpoint_id: string;
  readonly run_id: string;
  readonly name: string;
  readonly at: string;
  readonly note?: string;
  readonly repository?: RepositoryState;
}

export function viewCheckpoint(runId: string, checkpoint: Checkpoint): CheckpointView {
  const { sequence, name, atMs, note, repository } = checkpoint;
  return {
    checkpoint_id: `${runId}@${sequence}`,
    run_id: runId,
    name,
    at: isoTime(atMs),
    ...(note !== undefined && { note }),
    ...(repository && { repository }),
  };
}

export function parseCheckpointId(
  id: string,
): { readonly runId: string; readonly sequence: number } | undefined {
  const match = /^(.+)@(\d{1,9})$/.exec(id.trim());
  return match?.[1] === undefined ? undefined : { runId: match[1], sequence: Number(match[2]) };
}
