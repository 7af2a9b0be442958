import { EXIT } from './exit-codes.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Asks a command that waits to end in good order. */
export interface Interruption {
  readonly signal: AbortSignal;
  /**
   * From now on the first SIGINT, SIGTERM or SIGHUP aborts the signal, and the next ones do what `again` says: by
   * default they end the process at once. A parent that holds a channel to this process and dies counts as a signal: the
   * older Node that a terminal or a client has started is such a parent, and must not leave a Baton behind when it is killed.
   */
  listen(again?: () => void): void;
  abort(): void;
}

/** Until `listen`, signals end the process as usual: short commands leave nothing behind. */
export function createInterruption(): Interruption {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    listen: (again = () => process.exit(EXIT.interrupted)) => {
      const onSignal = (): void => {
        if (controller.signal.aborted) again();
        else controller.abort();
      };
      for (const name of SIGNALS) process.on(name, onSignal);
      process.once('disconnect', () => controller.abort());
      process.channel?.unref();
    },
  };
}
