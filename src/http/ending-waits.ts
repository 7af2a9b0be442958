import type { Application } from '../application/application.ts';
import type { CallContext } from '../application/use-case.ts';

type AnyUseCase = (context: CallContext, ...rest: unknown[]) => unknown;

/**
 * The same application, whose waits end when the signal aborts: they answer what is true then, as when their time is up. A
 * server that stops keeps nobody waiting and drops no answer; what writes is let finish, for a use case's signal never
 * stops more than a wait.
 */
export function withEndingWaits(application: Application, ending: AbortSignal): Application {
  const useCases = Object.entries(application) as unknown as [string, AnyUseCase][]; // each has its own rest
  const wrapped = useCases.map(([name, useCase]): [string, AnyUseCase] => [
    name,
    (context, ...rest) =>
      useCase({ ...context, signal: eitherOf(context.signal, ending) }, ...rest),
  ]);
  return Object.fromEntries(wrapped) as unknown as Application; // the same names, with what each takes and answers
}

function eitherOf(own: AbortSignal | undefined, ending: AbortSignal): AbortSignal {
  return own === undefined ? ending : AbortSignal.any([own, ending]);
}
