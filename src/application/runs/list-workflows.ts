import { z } from 'zod';
import { RUN_STATUSES } from '../../domain/lifecycle.ts';
import { wholeNumberSchema } from '../call-arguments.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { isoTime } from './step-view.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

const DEFAULT_LIMIT = 20;

export const listWorkflowsInputSchema = z.object({
  status: z.enum(RUN_STATUSES).exclude(['pending']).optional(),
  workflow: z.string().min(1).optional().describe('Only runs of this workflow'),
  limit: wholeNumberSchema(1, 50).optional().describe(`Default ${DEFAULT_LIMIT}`),
  cursor: z.string().min(1).optional().describe('next_cursor of the last page'),
});
export type ListWorkflowsInput = z.infer<typeof listWorkflowsInputSchema>;

export interface RunListItem {
  readonly run_id: string;
  readonly workflow: string;
  readonly status: string;
  readonly started_at: string;
  readonly finished_at?: string;
}

export interface WorkflowList {
  readonly runs: readonly RunListItem[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

/** Runs of the tenant, newest start first. A run is listed as soon as its start was answered. */
export function createListWorkflows(
  ports: ApplicationPorts,
): UseCase<ListWorkflowsInput, WorkflowList> {
  return ({ tenant }, { status, workflow, limit, cursor }) =>
    translatingErrors('nothing', async () => {
      const page = await ports.store.listRuns({
        tenant,
        limit: limit ?? DEFAULT_LIMIT,
        ...(status !== undefined && { statuses: [status] }),
        ...(workflow !== undefined && { name: workflow }),
        ...(cursor !== undefined && { cursor }),
      });
      const runs = page.runs.map((run) => ({
        run_id: run.key.runId,
        workflow: run.name,
        status: run.status,
        started_at: isoTime(run.startedAtMs),
        ...(run.finishedAtMs !== undefined && { finished_at: isoTime(run.finishedAtMs) }),
      }));
      const { nextCursor } = page;
      return {
        ok: true,
        value: { runs, ...(nextCursor !== undefined && { next_cursor: nextCursor }) },
      };
    });
}
