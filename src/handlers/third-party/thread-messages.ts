import type { MessagePort } from 'node:worker_threads';
import type { Json } from '../../domain/json.ts';
import type { StepContext } from '../../ports/step-handler.ts';

/** What a thread is given of one attempt; the rest of the context crosses as messages. */
export interface ThreadTask {
  /** Absolute path of the handler's file. */
  readonly file: string;
  readonly kind: string;
  readonly context: Omit<StepContext, 'signal' | 'heartbeat'>;
  readonly port: MessagePort;
}

/** To the thread: the attempt must stop, for this reason (`StepContext.signal`). */
export interface StopMessage {
  readonly reason: unknown;
}

export type ThreadMessage =
  | { readonly type: 'begun' }
  /** What a thread could not send is no JSON either: a beat without a payload, which leaves the last one in place. */
  | { readonly type: 'heartbeat'; readonly payload: Json | undefined };
