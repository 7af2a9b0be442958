import { parseCheckpointId } from '../src/application/checkpoints/checkpoint-view.ts';
import type { ListedCheckpoint } from '../src/application/checkpoints/list-checkpoints.ts';
import { toolCall } from '../src/application/tool-call.ts';
import type { UseCaseError } from '../src/application/use-case.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { completeCheckpoint } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { UNTRUSTED, jsonContent } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

export const checkpointResource = defineResource({
  name: 'checkpoint',
  title: 'A checkpoint',
  description:
    'A named point in the history of a run, with its note and the state of a repository.',
  uri: 'workflow://checkpoints/{checkpoint_id}',
  mimeType: 'application/json',
  useCase: 'listCheckpoints',
  complete: { checkpoint_id: completeCheckpoint },
  read: async (application, context, { checkpoint_id }) => {
    const point = parseCheckpointId(checkpoint_id);
    if (point === undefined) return { ok: false, error: unknownCheckpoint(checkpoint_id) };
    const { runId, sequence } = point;
    const found = await application.listCheckpoints(context, { run_id: runId });
    if (!found.ok) return found;
    const id = `${runId}@${sequence}`;
    const checkpoint = found.value.checkpoints.find((one) => one.checkpoint_id === id);
    if (checkpoint === undefined) return { ok: false, error: unknownCheckpoint(id) };
    return { ok: true, value: jsonContent(shape(checkpoint, sequence)) };
  },
});

function shape(checkpoint: ListedCheckpoint, sequence: number): JsonObject {
  const { checkpoint_id, run_id, workflow, name, at, note, repository } = checkpoint;
  return {
    checkpoint_id,
    run_id,
    workflow,
    name,
    at,
    ...(note !== undefined && { text: clip(note, 8_000) }),
    ...(repository && { repository: repositoryShape(repository) }),
    note: UNTRUSTED,
    events_before: toolCall('get_workflow_history', { run_id, from: Math.max(1, sequence - 20) }),
  };
}

function repositoryShape(repository: NonNullable<ListedCheckpoint['repository']>): JsonObject {
  const { path, commit, branch, isDirty, diff, diffLeftOut } = repository;
  return {
    path,
    ...(commit !== undefined && { commit }),
    ...(branch !== undefined && { branch }),
    is_dirty: isDirty,
    ...(diff && {
      diff: { artifact_id: diff.artifactId, bytes: diff.bytes, files: diff.files },
    }),
    ...(diffLeftOut !== undefined && { diff_left_out: diffLeftOut }),
  };
}

function unknownCheckpoint(id: string): UseCaseError {
  return {
    code: 'unknown_checkpoint',
    message: `There is no checkpoint "${clip(id, 200)}".`,
    changed: 'nothing',
    next: `${toolCall('list_catalog', { kind: 'checkpoints' })} shows them; get_workflow those of one run.`,
  };
}
