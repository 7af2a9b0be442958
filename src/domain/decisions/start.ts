import type { StartWorkflow } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { advance } from './advance.ts';

export function startWorkflow(decision: Decision, command: StartWorkflow): Ruling {
  if (decision.run.status !== 'pending')
    return reject('already_exists', 'A run with this id exists.', 'Read it with get_workflow.');
  const { plan } = decision;
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
  });
  return advance(decision);
}
