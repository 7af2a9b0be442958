import { handlerQueue } from '../../domain/definition/kind-declaration.ts';
import type { Json } from '../../domain/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StepContext, StepHandler, StepOutcome } from '../../ports/step-handler.ts';
import type { Handler } from '../../sdk/handler/handler-object.ts';
import { unlessGivenUp } from './give-up.ts';
import { performAttempt } from './perform-attempt.ts';

/** Runs one attempt elsewhere: in a thread. */
export type RunElsewhere = (context: StepContext) => Promise<StepOutcome>;

/**
 * Runs the attempts of a third party's step kind. An attempt ends when the handler does, or 5 s after it was asked to
 * stop: a handler that does not listen must not keep its slot, nor the process. Without `elsewhere` its code then still
 * runs, so what became of its effect is unknown.
 */
export function createDeclaredHandler(
  handler: Handler,
  clock: Clock,
  elsewhere?: RunElsewhere,
): StepHandler {
  return {
    kind: handler.kind,
    queues: [handlerQueue(handler.kind, handler.declaration.queue)],
    ...(handler.target && { target: (input) => targetOf(handler, input) }),
    run:
      elsewhere ??
      ((context) => unlessGivenUp(performAttempt(handler, context), context.signal, clock)),
  };
}

const TARGET = /^[a-z][a-z0-9_-]*:\S{1,200}$/;

/** Throws what the handler's function throws. An input that does not fit fails its attempt, and nothing is called. */
function targetOf(handler: Handler, value: Json): string | undefined {
  const input = handler.readInput(value);
  const target = input.ok ? handler.target?.(input.value) : undefined;
  if (target === undefined) return undefined;
  if (typeof target === 'string' && TARGET.test(target)) return target;
  throw new Error(`"target" of the handler "${handler.kind}" did not answer "<kind>:<name>"`);
}
