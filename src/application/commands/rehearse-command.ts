import type { Command } from '../../domain/commands.ts';
import { decide } from '../../domain/decide.ts';
import { failure, translatingErrors, unknownRun } from './outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export interface RehearseCommandInput {
  readonly run_id: string;
  readonly command: Command;
}

/**
 * Whether the run would take the command now; records nothing. For asking a person only what can be answered: until the
 * command is sent, the run may have moved on.
 */
export function createRehearseCommand(
  ports: Pick<ApplicationPorts, 'runs' | 'clock' | 'ids'>,
): UseCase<RehearseCommandInput, undefined> {
  return ({ tenant }, { run_id, command }) =>
    translatingErrors<undefined>('nothing', async () => {
      const run = await ports.runs.refresh({ tenant, runId: run_id });
      if (run === undefined) return failure(unknownRun(run_id));
      const ruling = decide(run.plan, run.state, command, {
        nowMs: ports.clock.now(),
        random: () => ports.ids.random(),
        env: {},
        runBytes: run.tailBytes + run.snapshotBytes,
      });
      if (ruling.kind === 'rejected') return failure({ ...ruling.rejection, changed: 'nothing' });
      return { ok: true, value: undefined };
    });
}
