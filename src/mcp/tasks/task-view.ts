import type { CallToolResult, InputRequests } from '@modelcontextprotocol/server';
import type { AwaitedWorkflow } from '../../application/runs/await-workflow.ts';
import { progressText } from '../progress-text.ts';
import { formatTaskId, type TaskId } from './task-id.ts';

/** How often a client should ask; a run rarely changes faster. */
const POLL_INTERVAL_MS = 2_000;

/** `Task` of the extension's schema. */
export interface TaskState {
  readonly taskId: string;
  readonly status: 'working' | 'input_required' | 'completed' | 'cancelled';
  readonly statusMessage: string;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  /** Runs are not thrown away after a time that could be told in advance. */
  readonly ttlMs: null;
  readonly pollIntervalMs: number;
}

/** `DetailedTask`: with what its status brings. */
export interface DetailedTask extends TaskState {
  readonly inputRequests?: InputRequests;
  readonly result?: CallToolResult;
}

/** The task as the run stands; `questions` are those that its client can answer. */
export function taskState(
  id: TaskId,
  seen: AwaitedWorkflow,
  questions: InputRequests = {},
): TaskState {
  return {
    taskId: formatTaskId(id),
    status: statusOf(id, seen, questions),
    statusMessage: messageOf(seen),
    createdAt: seen.started_at,
    lastUpdatedAt: seen.finished_at ?? seen.events.at(-1)?.at ?? seen.started_at,
    ttlMs: null,
    pollIntervalMs: POLL_INTERVAL_MS,
  };
}

/**
 * A call that waits has its result when the run is finished or needs somebody: were the task still `working` then, an agent
 * that waits for it would never bring what only it can (a signal, the task it should claim).
 */
function statusOf(
  { kind }: TaskId,
  { finished, settled, status }: AwaitedWorkflow,
  questions: InputRequests,
): TaskState['status'] {
  if (finished) return kind === 'start' && status === 'cancelled' ? 'cancelled' : 'completed';
  if (Object.keys(questions).length > 0) return 'input_required';
  return settled ? 'completed' : 'working';
}

function messageOf({ run_id, status, progress, attention }: AwaitedWorkflow): string {
  const [first] = attention;
  const why = first === undefined ? '' : `; ${first.kind.replaceAll('_', ' ')}`;
  return `run ${run_id} is ${status}: ${progressText(progress)}${why}`;
}
