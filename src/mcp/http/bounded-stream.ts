/**
 * Hands the stream on as the client reads it. What the SDK writes for a client that does not read would wait in memory
 * without a bound: past `backlogBytes` the stream is cut, which a client sees as a lost connection. One message always
 * passes, however large. `signal` cuts it too. `onEnd` is called once, however the stream ends.
 */
export function boundedStream(
  source: ReadableStream<Uint8Array>,
  options: {
    readonly backlogBytes: number;
    readonly signal: AbortSignal;
    readonly onEnd: () => void;
  },
): ReadableStream<Uint8Array> {
  const { backlogBytes, signal } = options;
  const reader = source.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  const end = (): void => {
    signal.removeEventListener('abort', stop);
    options.onEnd();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // Not pulled: only who reads all the time sees how much has piled up.
        void pump(reader, controller, backlogBytes).finally(end);
      },
      cancel: stop,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  controller: ReadableStreamDefaultController<Uint8Array>,
  backlogBytes: number,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        controller.close();
        return;
      }
      if (-(controller.desiredSize ?? 0) > backlogBytes) {
        await reader.cancel();
        controller.error(new Error('the client does not read'));
        return;
      }
      controller.enqueue(value);
    }
  } catch {
    // Cancelled by the client meanwhile, or the source failed: either way there is nothing more to hand on.
    await reader.cancel().catch(() => undefined);
  }
}
