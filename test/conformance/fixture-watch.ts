import type { ServerEvent } from '@modelcontextprotocol/server';
import { ListenBus } from '../../src/mcp/http/listen-bus.ts';
import {
  ResourceWatch,
  type ChangeListener,
  type ResourceWatchOptions,
} from '../../src/mcp/resource-watch.ts';

/** Reads no resources: what changes is what a tool of the fixture says. */
const NOTHING: ResourceWatchOptions['resources'] = {
  fingerprint: async () => undefined,
  listFingerprint: async () => undefined,
  runOf: () => undefined,
};

/** Tells whoever listens on a connection of the changes that the suite asks the fixture for. */
export class FixtureWatch extends ResourceWatch {
  readonly #open: Set<FixtureWatch>;
  #bus: ListenBus | undefined;

  /** `open` holds it while somebody listens. */
  constructor(options: Omit<ResourceWatchOptions, 'resources'>, open: Set<FixtureWatch>) {
    super({ ...options, resources: NOTHING });
    this.#open = open;
  }

  override attach(listener: ChangeListener): void {
    super.attach(listener);
    if (!(listener instanceof ListenBus)) return;
    this.#bus = listener;
    this.#open.add(this);
  }

  tell(event: ServerEvent): void {
    this.#bus?.publish(event);
  }

  override close(): void {
    super.close();
    this.#open.delete(this);
  }
}
