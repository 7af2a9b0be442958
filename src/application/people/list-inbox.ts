import {
  approvalsOf,
  personTasksOf,
  type ApprovalView,
  type PersonTaskView,
} from './approval-view.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { readSituation, type RunSituation } from '../runs/run-situation.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

const RUNS_PER_PAGE = 50;

export interface ListInboxInput {
  /** Only what this person may answer. */
  readonly person?: string | undefined;
  readonly cursor?: string | undefined;
}

export interface InboxRun {
  readonly run_id: string;
  readonly workflow: string;
  readonly status: string;
  readonly approvals: readonly ApprovalView[];
  readonly tasks: readonly PersonTaskView[];
}

export interface Inbox {
  /** Newest run first; only runs in which something waits. */
  readonly runs: readonly InboxRun[];
  /** Runs that could not be read, and why: something may wait in them. */
  readonly unreadable: readonly { readonly run_id: string; readonly message: string }[];
  readonly next_cursor?: string;
}

/** Everything that waits for a person: approvals, and tasks that agents handed to people. */
export function createListInbox(ports: ApplicationPorts): UseCase<ListInboxInput, Inbox> {
  return ({ tenant }, { person, cursor }) =>
    translatingErrors<Inbox>('nothing', async () => {
      const { runs: listed, nextCursor } = await ports.store.listRuns({
        tenant,
        mark: 'awaits_person',
        limit: RUNS_PER_PAGE,
        ...(cursor !== undefined && { cursor }),
      });
      const runs: InboxRun[] = [];
      const unreadable: { run_id: string; message: string }[] = [];
      for (const { key } of listed) {
        const situation = await translatingErrors('nothing', () => readSituation(ports, key));
        if (!situation.ok) {
          const { code, message } = situation.error;
          if (code !== 'unknown_run') unreadable.push({ run_id: key.runId, message });
          continue;
        }
        const run = viewRun(situation.value, person);
        if (run.approvals.length + run.tasks.length > 0) runs.push(run);
      }
      return {
        ok: true,
        value: { runs, unreadable, ...(nextCursor !== undefined && { next_cursor: nextCursor }) },
      };
    });
}

function viewRun(situation: RunSituation, person: string | undefined): InboxRun {
  const { key, state } = situation;
  const mayAnswer = (among: readonly string[] | undefined): boolean =>
    person === undefined || among === undefined || among.includes(person);
  return {
    run_id: key.runId,
    workflow: state.run.name,
    status: state.run.status,
    approvals: approvalsOf(situation).filter(
      ({ status, approvers }) => status === 'waiting' && mayAnswer(approvers),
    ),
    tasks: personTasksOf(situation).filter((task) =>
      mayAnswer(task.person === undefined ? undefined : [task.person]),
    ),
  };
}
