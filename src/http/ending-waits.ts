import type { Application } from '../application/application.ts';
import type { CallContext } from '../application/use-case.ts';

/** Use cases that wait for something; all others answer at once and are let finish. */
const WAITING = ['awaitWorkflow', 'claimTask', 'followTopics', 'consumeTopics'] as const;

/**
 * The same application, whose waits end when the signal aborts: they answer what is true then, as when their time is up.
 * Whatever the protocol above, a server that stops keeps nobody waiting and drops no answer.
 */
export function withEndingWaits(application: Application, signal: AbortSignal): Application {
  const ending = WAITING.map((name) => {
    const useCase = application[name] as (context: CallContext, ...rest: unknown[]) => unknown; // each its own rest
    return [
      name,
      (context: CallContext, ...rest: unknown[]) =>
        useCase({ ...context, signal: eitherOf(context.signal, signal) }, ...rest),
    ];
  });
  return { ...application, ...(Object.fromEntries(ending) as Partial<Application>) }; // as they were, but for the signal
}

function eitherOf(own: AbortSignal | undefined, ending: AbortSignal): AbortSignal {
  return own === undefined ? ending : AbortSignal.any([own, ending]);
}
