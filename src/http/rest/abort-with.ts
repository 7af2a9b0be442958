/**
 * Aborts what is under way when one of the signals does, until the answer is called. Not AbortSignal.any: with a listener on
 * it, Node 24 keeps such a signal for as long as its sources live (some 1 KB a request, and the server's lives for ever).
 */
export function abortWith(ending: AbortController, signals: readonly AbortSignal[]): () => void {
  const abort = (): void => ending.abort();
  for (const signal of signals) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  }
  return () => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
}
