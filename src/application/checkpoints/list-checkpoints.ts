import type { RunKey } from '../../ports/run-store.ts';
import { viewCheckpoint, type CheckpointView } from './checkpoint-view.ts';
import { failure, translatingErrors, unknownRun } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

const RUNS_PER_PAGE = 50;

export interface ListCheckpointsInput {
  /** Only of this run. */
  readonly run_id?: string | undefined;
  readonly cursor?: string | undefined;
}

export interface ListedCheckpoint extends CheckpointView {
  readonly workflow: string;
}

export interface Checkpoints {
  /** Newest run first, then newest first. */
  readonly checkpoints: readonly ListedCheckpoint[];
  readonly next_cursor?: string;
}

export function createListCheckpoints(
  ports: ApplicationPorts,
): UseCase<ListCheckpointsInput, Checkpoints> {
  return ({ tenant }, { run_id, cursor }) =>
    translatingErrors<Checkpoints>('nothing', async () => {
      if (run_id === undefined)
        return { ok: true, value: await newestCheckpoints(ports, tenant, cursor) };
      const checkpoints = await checkpointsOf(ports, { tenant, runId: run_id });
      return checkpoints === undefined
        ? failure(unknownRun(run_id))
        : { ok: true, value: { checkpoints } };
    });
}

export async function newestCheckpoints(
  ports: ApplicationPorts,
  tenant: string,
  cursor?: string,
): Promise<Checkpoints> {
  const { runs, nextCursor } = await ports.store.listRuns({
    tenant,
    mark: 'has_checkpoints',
    limit: RUNS_PER_PAGE,
    ...(cursor !== undefined && { cursor }),
  });
  const checkpoints: ListedCheckpoint[] = [];
  for (const { key } of runs) checkpoints.push(...((await checkpointsOf(ports, key)) ?? []));
  return { checkpoints, ...(nextCursor !== undefined && { next_cursor: nextCursor }) };
}

async function checkpointsOf(
  ports: ApplicationPorts,
  key: RunKey,
): Promise<ListedCheckpoint[] | undefined> {
  const run = await ports.runs.refresh(key);
  if (run === undefined) return undefined;
  const { name, checkpoints } = run.state.run;
  return checkpoints
    .toReversed()
    .map((checkpoint) => ({ ...viewCheckpoint(key.runId, checkpoint), workflow: name }));
}
