import type { SignalWorkflow } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { HISTORY_RESERVE_EVENTS, MAX_BUFFERED_SIGNALS, MAX_HISTORY_EVENTS } from '../limits.ts';
import { advance } from './advance.ts';
import { completeAttempt } from './step-completion.ts';
import { roomError } from './step-failure.ts';

/** Wakes the first step (in definition order) that waits for the signal; else keeps it for one to come. */
export function signalWorkflow(decision: Decision, command: SignalWorkflow): Ruling {
  const { run, plan } = decision;
  if (run.status === 'cancelling')
    return reject('cancelling', 'The run is being cancelled.', 'Start a new run.');
  if (run.version >= MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS)
    return reject(
      'history_limit',
      `The run's history is full (${run.version} of ${MAX_HISTORY_EVENTS} events, the rest is kept for its steps).`,
      'Start a new run for further signals.',
    );
  const problem = decision.makeRoom(command.payload);
  if (problem)
    return reject(
      problem,
      `The signal was not taken: ${roomError(problem).message}.`,
      'Send less, or start a new run.',
    );
  const waiting = plan.steps.find((step) => {
    const record = decision.step(step.index);
    return record.status === 'waiting' && record.signal === command.name;
  });
  if (waiting === undefined && run.signals.length >= MAX_BUFFERED_SIGNALS)
    return reject(
      'signal_buffer_full',
      `${MAX_BUFFERED_SIGNALS} signals already wait for a step to use them.`,
      'Wait until a step uses some (see explain_workflow).',
    );
  const { name, payload } = command;
  decision.emit({ type: 'SignalReceived', name, payload });
  if (waiting !== undefined)
    completeAttempt(decision, waiting, decision.step(waiting.index).attempt, {
      output: payload,
      consumedSignal: name,
    });
  return advance(decision);
}
