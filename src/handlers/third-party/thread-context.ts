import { receiveMessageOnPort } from 'node:worker_threads';
import type { Json } from '../../domain/json.ts';
import type { StepContext } from '../../ports/step-handler.ts';
import type { StopMessage, ThreadMessage, ThreadTask } from './thread-messages.ts';

/**
 * The context of an attempt inside its thread. A handler that never lets its thread's event loop turn can stop all the
 * same: reading `context.signal`, or calling `context.heartbeat`, looks whether it has to.
 */
export function threadContext({ context, port }: Pick<ThreadTask, 'context' | 'port'>): {
  readonly context: StepContext;
  readonly end: () => void;
} {
  const stop = new AbortController();
  const hear = (message: unknown): void => stop.abort((message as StopMessage).reason); // all that is sent here
  const tell = (message: ThreadMessage): void => port.postMessage(message);
  const look = (): void => {
    const received: { message: unknown } | undefined = receiveMessageOnPort(port);
    if (received !== undefined) hear(received.message);
  };
  port.on('message', hear);
  tell({ type: 'begun' });
  return {
    context: {
      ...context,
      get signal() {
        look();
        return stop.signal;
      },
      heartbeat: (payload: Json) => {
        look();
        try {
          tell({ type: 'heartbeat', payload });
        } catch {
          tell({ type: 'heartbeat', payload: undefined });
        }
      },
    },
    end: () => port.close(),
  };
}
