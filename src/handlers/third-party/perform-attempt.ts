import type { Json } from '../../domain/json.ts';
import type { StepContext, StepHandlerError, StepOutcome } from '../../ports/step-handler.ts';
import type { Handler } from '../../sdk/handler/handler-object.ts';
import { failureOf } from '../../sdk/handler/step-failure.ts';
import { isNetworkError } from './network-error.ts';

/**
 * One call of a third party's handler, in this thread: its outcome is plain JSON. Rejects with what the handler threw
 * unless that is a StepFailure or a network error. The input is checked by the schema that is loaded here: the definition may have pinned an
 * earlier one.
 */
export async function performAttempt(handler: Handler, context: StepContext): Promise<StepOutcome> {
  const input = read(handler, context.input);
  if ('code' in input) return { kind: 'failed', error: input };
  try {
    return outcomeOf(await handler.run(context, input.value));
  } catch (error) {
    const failure = failureOf(error) ?? networkFailureOf(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', error: failure };
  }
}

function read(handler: Handler, value: Json): { value: unknown } | StepHandlerError {
  const refused = (problem: string): StepHandlerError => ({
    code: 'invalid_input',
    message: `the input does not fit the handler that is loaded here: ${problem}`,
    permanent: true,
  });
  try {
    const input = handler.readInput(value);
    return input.ok ? { value: input.value } : refused(input.problems.join('; '));
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}

/** Recorded as any error that a handler throws; known here, and not where it has crossed from a thread. */
function networkFailureOf(error: unknown): StepHandlerError | undefined {
  if (!(error instanceof Error) || !isNetworkError(error)) return undefined;
  const { message, cause } = error;
  const why =
    cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
  return { code: 'handler_error', message: why, effectState: 'unknown', targetFailure: true };
}

/** As JSON would carry it: what a class instance becomes, and what is left out, is known to everyone. */
function outcomeOf(output: unknown): StepOutcome {
  if (output === undefined) return { kind: 'completed', output: null };
  let text: string | undefined;
  let reason = 'it has no JSON form';
  try {
    // `undefined` for a function or a symbol, which its declaration leaves out.
    text = JSON.stringify(output);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (text !== undefined) return { kind: 'completed', output: JSON.parse(text) as Json }; // JSON
  const message = `the handler returned what JSON cannot carry: ${reason}`;
  const error: StepHandlerError = {
    code: 'invalid_output',
    message,
    permanent: true,
    effectState: 'done',
  };
  return { kind: 'failed', error };
}
