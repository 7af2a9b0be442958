import { approvalsOf } from './approval-view.ts';
import { sendCommand, type CommandAnswer } from '../commands/client-command.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { Person } from './person.ts';
import { readSituation, type RunSituation } from '../runs/run-situation.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from '../use-case.ts';

export interface ResolveApprovalInput {
  readonly run_id: string;
  /** May be left out where only one approval waits. */
  readonly approval_id?: string | undefined;
  readonly resolution: 'chosen' | 'rejected';
  readonly choice?: string | undefined;
  readonly comment?: string | undefined;
  readonly person: Person;
}

export interface ResolvedApproval extends CommandAnswer {
  readonly approval_id: string;
}

/**
 * Records a person's answer. The caller has made sure who it is: at a terminal, by an operator key or through a client
 * that asks its user. No agent tool leads here. Of two answers at once the first is recorded, the second refused.
 */
export function createResolveApproval(
  ports: ApplicationPorts,
): UseCase<ResolveApprovalInput, ResolvedApproval> {
  return (context, input) =>
    translatingErrors<ResolvedApproval>('unknown', async () => {
      const found = await approvalFor(ports, context, input);
      if (!found.ok) return found;
      const { run_id, resolution, choice, comment, person } = input;
      const by = { ...context, actor: `person:${person.name}` };
      const sent = await sendCommand(
        ports,
        by,
        { run_id },
        {
          type: 'ResolveApproval',
          approvalId: found.value,
          resolution,
          by: person.name,
          via: person.via,
          ...(choice !== undefined && { choice }),
          ...(comment !== undefined && { comment }),
        },
      );
      if (!sent.ok) return sent;
      return { ok: true, value: { ...sent.value.answer, approval_id: found.value } };
    });
}

/** The approval that is meant: the one named, else the only one that waits. */
export async function approvalFor(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  { run_id, approval_id }: ResolveApprovalInput,
): Promise<UseCaseResult<string>> {
  if (approval_id !== undefined) return { ok: true, value: approval_id };
  const situation = await readSituation(ports, { tenant, runId: run_id });
  return situation.ok ? theOnlyOne(situation.value) : situation;
}

function theOnlyOne(situation: RunSituation): UseCaseResult<string> {
  const { runId } = situation.key;
  const waiting = approvalsOf(situation).filter(({ status }) => status === 'waiting');
  const [only] = waiting;
  if (only === undefined)
    return failure({
      code: 'no_approval',
      message: `No approval waits in run ${runId} (it is ${situation.state.run.status}).`,
      changed: 'nothing',
      next: 'baton inbox lists what waits for people.',
    });
  if (waiting.length === 1) return { ok: true, value: only.approval_id };
  return failure({
    code: 'which_approval',
    message: `${waiting.length} approvals wait in run ${runId}: ${waiting.map(({ approval_id }) => approval_id).join(', ')}.`,
    changed: 'nothing',
    next: 'Name one of them after the run.',
  });
}
