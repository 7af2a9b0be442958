import { handlerQueue } from '../../domain/definition/kind-declaration.ts';
import type { Json } from '../../domain/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  StepContext,
  StepHandler,
  StepHandlerError,
  StepOutcome,
} from '../../ports/step-handler.ts';
import type { Handler } from '../../sdk/handler/handler-object.ts';
import { failureOf } from '../../sdk/handler/step-failure.ts';

/** From the request to stop until a handler that goes on regardless is given up. */
export const GIVE_UP_MS = 5_000;

/**
 * Runs the attempts of a third party's step kind. An attempt ends when the handler does, or 5 s after it was asked to
 * stop: a handler that does not listen must not keep its slot, nor the process. Its code then still runs, so what became
 * of its effect is unknown. The input is checked again, by the schema that is loaded here: the definition may have pinned
 * an earlier one.
 */
export function createDeclaredHandler(handler: Handler, clock: Clock): StepHandler {
  return {
    kind: handler.kind,
    queues: [handlerQueue(handler.kind, handler.declaration.queue)],
    async run(context) {
      const input = read(handler, context.input);
      if ('code' in input) return { kind: 'failed', error: input };
      try {
        const work = Promise.resolve(handler.run(context, input.value));
        return outcomeOf(await unlessGivenUp(work, context.signal, clock));
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined) throw error;
        return { kind: 'failed', error: failure };
      }
    },
  };
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

async function unlessGivenUp(
  work: Promise<unknown>,
  signal: StepContext['signal'],
  clock: Clock,
): Promise<unknown> {
  const over = new AbortController();
  const givenUp = Promise.withResolvers<never>();
  const giveUp = async (): Promise<void> => {
    await clock.sleep(GIVE_UP_MS, over.signal);
    givenUp.reject(new Error(`the handler did not stop within ${GIVE_UP_MS} ms`));
  };
  const onAbort = (): void => void giveUp();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, givenUp.promise]);
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
  }
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
