import type { Json } from '../json.ts';
import { isFinished } from '../lifecycle.ts';
import { MAX_STEPS_IN_FLIGHT } from '../limits.ts';
import type { PlannedStep } from '../plan.ts';
import type { Decision, Ruling } from '../decision.ts';
import { conditionOf } from './condition.ts';
import { finishIfDone } from './finish.ts';
import { failAttempt, failFinally, isStopping, roomError, timeoutError } from './step-failure.ts';
import { startEngineStep } from './engine-step.ts';
import { scopeOf } from './scope.ts';

/**
 * Drives the run as far as it goes now: starts what is ready, skips what cannot run, ends what is done. Stops early
 * when that is much, and says so: see MAX_STEPS_PER_DECISION.
 */
export function advance(decision: Decision): Ruling {
  for (let next = nextInLine(decision); next !== undefined; next = nextInLine(decision)) {
    if (!decision.mayGoOn()) return decision.accept();
    startOrSkip(decision, next);
  }
  if (!isFinished(decision.run.status)) finishIfDone(decision);
  return decision.accept();
}

function nextInLine({ run, plan }: Decision): PlannedStep | undefined {
  if (run.status !== 'running') return undefined;
  const isFull = run.stepsInFlight >= MAX_STEPS_IN_FLIGHT;
  return plan.steps[run.ready.engine.head ?? (isFull ? undefined : run.ready.worker.head) ?? -1];
}

function startOrSkip(decision: Decision, step: PlannedStep): void {
  const { attempt, error } = decision.step(step.index);
  if (attempt > 0 && error !== undefined && isStopping(decision) && !step.runsAfterFailure)
    return failFinally(decision, step, attempt, error);
  // A step that ran before is in line for a retry: its condition was met then.
  const verdict = attempt > 0 ? 'run' : conditionOf(decision, step);
  if (verdict === 'run') return start(decision, step);
  if (typeof verdict === 'object')
    return failFinally(decision, step, 0, { code: 'expression_error', message: verdict.error });
  decision.emit({ type: 'StepsSkipped', steps: [{ step: step.id, reason: verdict }] });
}

function start(decision: Decision, step: PlannedStep): void {
  const attempt = decision.step(step.index).attempt + 1;
  // A constant was validated when it was registered, and stands in the definition: the event leaves it out.
  if (step.input.isConstant && step.queue !== undefined) return schedule(decision, step, attempt);
  const input = step.input.evaluate(scopeOf(decision, step));
  if (!input.ok)
    return failFinally(decision, step, attempt, {
      code: 'expression_error',
      message: `with: ${input.error}`,
    });
  const problem = decision.makeRoom(input.value);
  if (problem) return failFinally(decision, step, attempt, roomError(problem));
  const violations = step.validateInput(input.value);
  if (violations.length > 0)
    return failFinally(decision, step, attempt, {
      code: 'invalid_input',
      message: violations.map(({ path, message }) => `with.${path}: ${message}`).join('; '),
    });
  if (step.queue === undefined) return startEngineStep(decision, step, attempt, input.value);
  schedule(decision, step, attempt, input.value);
}

function schedule(decision: Decision, step: PlannedStep, attempt: number, input?: Json): void {
  const { queue } = decision.step(step.index);
  const dueAtMs = dueOf(decision, step);
  // Its timer may have fired, without effect, while the step stood in line.
  if (dueAtMs !== undefined && dueAtMs <= decision.context.nowMs)
    return failAttempt(decision, step, attempt, { error: timeoutError(step) });
  decision.emit({
    type: 'StepsScheduled',
    steps: [
      {
        step: step.id,
        attempt,
        ...(input !== undefined && { input }),
        ...(queue !== undefined && { queue }),
        ...(dueAtMs !== undefined && { dueAtMs }),
      },
    ],
  });
}

/**
 * When the engine ends the attempt: a worker stops its own in time, but nothing outside the engine stops an agent's.
 * An attempt that was given back keeps the limit of its first offer.
 */
function dueOf(decision: Decision, { index, performer, timeoutMs }: PlannedStep) {
  if (performer !== 'agent' || timeoutMs === undefined) return undefined;
  return decision.step(index).dueAtMs ?? decision.context.nowMs + timeoutMs;
}
