/** Of Node's sockets and name look-up; those of its fetch begin with UND_ERR_. */
const CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** Causes are followed so far: an error may be its own cause. */
const MAX_CAUSES = 5;

/** Whether a connection failed: the other side, or the way to it, is at fault. */
export function isNetworkError(error: unknown, left = MAX_CAUSES): boolean {
  if (!(error instanceof Error) || left === 0) return false;
  const { code } = error as { code?: unknown }; // where there is one
  if (CODES.has(code) || (typeof code === 'string' && code.startsWith('UND_ERR_'))) return true;
  if (error instanceof AggregateError)
    return error.errors.some((one) => isNetworkError(one, left - 1));
  return isNetworkError(error.cause, left - 1);
}
