import type { StartWorkflow } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { advance } from './advance.ts';
import { roomError } from './step-failure.ts';

export function startWorkflow(decision: Decision, command: StartWorkflow): Ruling {
  if (decision.run.status !== 'pending')
    return reject('already_exists', 'A run with this id exists.', 'Read it with get_workflow.');
  const { plan } = decision;
  // First: to fill in defaults is to descend, too.
  const problem = decision.makeRoom(command.input);
  if (problem)
    return reject(
      problem,
      `Nothing was started: ${roomError(problem).message}.`,
      'Start it with less input.',
    );
  const prepared = plan.prepareInput(command.input);
  if (!prepared.ok)
    return reject(
      'invalid_input',
      `The input does not fit workflow "${plan.name}"; nothing was started.`,
      'Correct the named fields and call start_workflow again.',
      prepared.violations,
    );
  decision.emit({
    type: 'WorkflowStarted',
    runId: command.runId,
    name: plan.name,
    definitionHash: plan.hash,
    definitionVersion: command.definitionVersion,
    input: prepared.value,
    workspace: command.workspace,
    ...(command.priority !== undefined && { priority: command.priority }),
  });
  return advance(decision);
}
