import { EXIT } from './exit-codes.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Asks a command that waits to end in good order. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** From now on the first SIGINT, SIGTERM or SIGHUP aborts the signal, and the second ends the process at once. */
  listen(): void;
  abort(): void;
}

/** Until `listen`, signals end the process as usual: short commands leave nothing behind. */
export function createInterruption(): Interruption {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    listen: () => {
      for (const name of SIGNALS) process.on(name, onSignal);
    },
  };
}
