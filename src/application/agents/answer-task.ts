import type { Command } from '../../domain/commands.ts';
import type { Json } from '../../domain/json.ts';
import { stepById } from '../../domain/plan.ts';
import { payloadProblem } from '../call-arguments.ts';
import { sendCommand, type CommandAnswer } from '../commands/client-command.ts';
import { targetOfQueue } from './handover-target.ts';
import { failure, translatingErrors, unknownRun } from '../commands/outcome-error.ts';
import type { Person } from '../people/person.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from '../use-case.ts';

export interface AnswerTaskInput {
  readonly run_id: string;
  readonly step_id: string;
  /** `returned`: back to the agents it came from. */
  readonly resolution: 'completed' | 'failed' | 'returned';
  readonly output?: Json | undefined;
  readonly note?: string | undefined;
  readonly person: Person;
}

/** Records what a person did with a task that was handed to people. The caller has made sure who it is. */
export function createAnswerTask(ports: ApplicationPorts): UseCase<AnswerTaskInput, CommandAnswer> {
  return (context, input) =>
    translatingErrors<CommandAnswer>('unknown', async () => {
      const command = await commandOf(ports, context, input);
      if (!command.ok) return command;
      const by = { ...context, actor: `person:${input.person.name}` };
      const sent = await sendCommand(ports, by, { run_id: input.run_id }, command.value);
      return sent.ok ? { ok: true, value: sent.value.answer } : sent;
    });
}

async function commandOf(
  ports: ApplicationPorts,
  context: CallContext,
  input: AnswerTaskInput,
): Promise<UseCaseResult<Command>> {
  const { step_id, resolution, output, note, person } = input;
  if (resolution === 'returned') return returned(ports, context, input);
  const problem = payloadProblem(output ?? null, 'output');
  if (problem) return failure({ ...problem, changed: 'nothing' });
  const said = {
    ...(output !== undefined && { output }),
    ...(note !== undefined && { reason: note }),
  };
  const by = person.name;
  return { ok: true, value: { type: 'AnswerTask', step: step_id, resolution, by, ...said } };
}

async function returned(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  { run_id, step_id, note, person }: AnswerTaskInput,
): Promise<UseCaseResult<Command>> {
  const run = await ports.runs.refresh({ tenant, runId: run_id });
  if (run === undefined) return failure(unknownRun(run_id));
  const step = stepById(run.plan, step_id);
  const record = step && run.state.steps.get(step.index);
  const to = targetOfQueue(step?.queue ?? '');
  if (record?.handover?.to.kind !== 'person' || to === undefined)
    return failure({
      code: 'not_with_a_person',
      message: `Step "${step_id}" is no task that people have.`,
      changed: 'nothing',
      next: 'baton inbox lists what waits for people.',
    });
  return {
    ok: true,
    value: {
      type: 'HandOverTask',
      step: step_id,
      attempt: record.attempt,
      to,
      from: `person:${person.name}`,
      ...(note !== undefined && { note }),
      ...(record.heartbeat !== undefined && { heartbeat: record.heartbeat }),
    },
  };
}
