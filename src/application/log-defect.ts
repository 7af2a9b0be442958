import type { Logger } from '../ports/logger.ts';

/**
 * Logs what went wrong on Baton's own side. Whatever was thrown may hold a step's input or a secret: whoever called is told
 * the reference, and nothing else of it.
 */
export function logDefect(
  logger: Logger,
  { reference, request }: { readonly reference: string; readonly request: string },
  error: unknown,
): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error({ reference, request, error: text }, 'a request failed');
}
