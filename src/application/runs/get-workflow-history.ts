import { z } from 'zod';
import { readEvent } from '../../domain/upcast.ts';
import { runIdSchema, wholeNumberSchema } from '../call-arguments.ts';
import { eventLine, type EventLine } from './event-line.ts';
import { failure, translatingErrors, unknownRun } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

const DEFAULT_LIMIT = 50;

export const getWorkflowHistoryInputSchema = z.object({
  run_id: runIdSchema,
  from: wholeNumberSchema(1).optional().describe('First event; default 1'),
  limit: wholeNumberSchema(1, 100).optional().describe(`Default ${DEFAULT_LIMIT}`),
});
export type GetWorkflowHistoryInput = z.infer<typeof getWorkflowHistoryInputSchema>;

export interface WorkflowHistory {
  readonly run_id: string;
  readonly events: readonly EventLine[];
  /** Events in all, so far. */
  readonly total: number;
  /** Where to go on; absent at the end. */
  readonly next_from?: number;
}

/** What happened to a run, in order: events are numbered from 1 without gaps and never change. */
export function createGetWorkflowHistory(
  ports: ApplicationPorts,
): UseCase<GetWorkflowHistoryInput, WorkflowHistory> {
  return ({ tenant }, { run_id, from = 1, limit = DEFAULT_LIMIT }) =>
    translatingErrors('nothing', async () => {
      const key = { tenant, runId: run_id };
      const run = await ports.runs.refresh(key);
      if (run === undefined) return failure(unknownRun(run_id));
      const total = run.state.run.version;
      const texts = await ports.store.readHistory(key, from, limit);
      const events = texts.map((text) => eventLine(readEvent(text)));
      const next = from + events.length;
      return {
        ok: true,
        value: { run_id, events, total, ...(next <= total && { next_from: next }) },
      };
    });
}
