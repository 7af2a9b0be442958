import type { Decision } from '../decision.ts';
import { approvalInputSchema, DEFAULT_CHOICES } from '../definition/approval-kind.ts';
import { durationMs } from '../definition/duration.ts';
import type { Json } from '../json.ts';
import type { PlannedStep } from '../plan.ts';
import { failInputSchema, signalInputSchema, waitInputSchema } from '../definition/step-kinds.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt } from './step-failure.ts';

/** Runs or begins a step that needs no worker. `input` is valid for the step's kind. */
export function startEngineStep(
  decision: Decision,
  step: PlannedStep,
  attempt: number,
  input: Json,
): void {
  switch (step.uses) {
    case 'transform':
      return completeAttempt(decision, step, attempt, { output: input });
    case 'wait':
      return startWait(decision, step, attempt, input);
    case 'signal':
      return startSignal(decision, step, attempt, input);
    case 'approval':
      return startApproval(decision, step, attempt, input);
    case 'fail':
      return startFail(decision, step, attempt, input);
    default:
      throw new Error(`step kind "${step.uses}" needs a worker`);
  }
}

function startWait(decision: Decision, step: PlannedStep, attempt: number, input: Json): void {
  const wait = waitInputSchema.parse(input);
  const dueAtMs =
    wait.until === undefined
      ? decision.context.nowMs + durationMs(wait.for ?? 0)
      : Date.parse(wait.until);
  decision.emit({ type: 'StepWaiting', step: step.id, attempt, dueAtMs });
}

function startSignal(decision: Decision, step: PlannedStep, attempt: number, input: Json): void {
  const { name } = signalInputSchema.parse(input);
  const received = decision.run.signals.find((signal) => signal.name === name);
  if (received !== undefined)
    return completeAttempt(decision, step, attempt, {
      output: received.payload,
      consumedSignal: name,
    });
  const { timeoutMs } = step;
  decision.emit({
    type: 'StepWaiting',
    step: step.id,
    attempt,
    signal: name,
    ...(timeoutMs !== undefined && { dueAtMs: decision.context.nowMs + timeoutMs }),
  });
}

function startApproval(decision: Decision, step: PlannedStep, attempt: number, input: Json): void {
  const {
    question,
    choices = DEFAULT_CHOICES,
    approvers,
    expires,
  } = approvalInputSchema.parse(input);
  decision.emit({
    type: 'ApprovalRequested',
    approvalId: step.id,
    step: step.id,
    attempt,
    ask: { question, choices: [...choices], ...(approvers && { approvers }) },
    ...(expires !== undefined && { dueAtMs: decision.context.nowMs + durationMs(expires) }),
  });
}

function startFail(decision: Decision, step: PlannedStep, attempt: number, input: Json): void {
  const { code, message } = failInputSchema.parse(input);
  failAttempt(decision, step, attempt, { error: { code: code ?? 'failed_by_workflow', message } });
}
