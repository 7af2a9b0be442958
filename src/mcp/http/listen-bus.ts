import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';
import type { ChangeListener } from '../resource-watch.ts';

/**
 * What one `subscriptions/listen` request hears of. The SDK's own bus is one for all requests of a server, and would tell
 * a caller of another tenant's resource of the same address.
 */
export class ListenBus implements ServerEventBus, ChangeListener {
  #listener: ((event: ServerEvent) => void) | undefined;
  readonly #onEnd: () => void;

  /** `onEnd`: nobody listens any more. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  publish(event: ServerEvent): void {
    this.#listener?.(event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    this.#listener = listener;
    return () => {
      if (this.#listener !== listener) return;
      this.#listener = undefined;
      this.#onEnd();
    };
  }

  updated(uri: string): Promise<void> {
    this.publish({ kind: 'resource_updated', uri });
    return Promise.resolve();
  }

  listChanged(): Promise<void> {
    this.publish({ kind: 'resources_list_changed' });
    return Promise.resolve();
  }
}
