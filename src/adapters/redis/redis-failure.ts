import { StoreUnavailableError } from '../../ports/run-store.ts';

/** What to do about answers of Redis, by their first word (https://redis.io/docs/latest/develop/reference/protocol-spec). */
const ADVICE: Readonly<Record<string, string>> = {
  OOM: 'the memory limit is reached: nothing was written; raise maxmemory, or remove finished runs',
  READONLY: 'the server is a replica now; Baton looks for the primary again',
  LOADING: 'the server is reading its data; Baton tries again',
  MASTERDOWN: 'the replica has lost its primary; Baton tries again',
  CLUSTERDOWN: 'the cluster lacks slots; see CLUSTER INFO',
  MISCONF: 'the server cannot save its data (disk full?): nothing was written; see its log',
  NOPERM: "the user of the URL lacks a permission; docs/redis.conf has the line for Baton's user",
  NOAUTH: 'the server asks for a password; put user and password into the URL',
  WRONGPASS: 'user or password of the URL are wrong',
  BUSY: 'another script keeps the server busy; Baton tries again',
};

export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first word of an error that Redis itself answered. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return error.message.split(' ', 1)[0];
}

export function isMissingFunction(error: unknown): boolean {
  return replyCode(error) === 'ERR' && describeFailure(error).includes('Function not found');
}

/** Answers after which this connection leads nowhere: another may lead to the new primary. */
export function isWrongServer(error: unknown): boolean {
  const code = replyCode(error);
  return code === 'READONLY' || code === 'MASTERDOWN';
}

export function redisTrouble(error: unknown): string {
  return withAdvice(replyCode(error), describeFailure(error));
}

/** Of an error that a function has caught and answered as text. */
export function caughtTrouble(reply: string): string {
  return withAdvice(reply.split(' ', 1)[0], reply);
}

function withAdvice(code: string | undefined, reply: string): string {
  const advice = ADVICE[code ?? ''];
  return `Redis: ${reply}${advice === undefined ? '' : ` (${advice})`}`;
}

/**
 * Errors of the server and of the connection become the port's. The driver's error is left behind: it carries the
 * command, and with it a password or what a step works on.
 */
export function asUnavailable(error: unknown): StoreUnavailableError {
  return error instanceof StoreUnavailableError
    ? error
    : new StoreUnavailableError(redisTrouble(error));
}
