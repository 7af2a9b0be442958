import type { ArtifactStore } from './artifact-store.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { DefinitionCatalog } from './definition-catalog.ts';
import type { KeyValueStore } from './key-value-store.ts';
import type { MessageBus } from './message-bus.ts';
import type { RunStore } from './run-store.ts';
import type { WorkSource } from './work-source.ts';

export interface StoreDescription {
  readonly kind: 'memory' | 'sqlite' | 'redis';
  /** Absolute path or address, for people. */
  readonly location: string;
  /** Which promise holds, in words. */
  readonly durability: string;
  readonly schemaVersion: number;
  /** What is wrong with how the store is set up, for people; absent or empty: nothing. */
  readonly warnings?: readonly string[];
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** The only meeting point of Baton's processes: every adapter passes test/contract in full. */
export interface Store
  extends
    RunStore,
    WorkSource,
    DefinitionCatalog,
    KeyValueStore,
    ArtifactStore,
    MessageBus,
    ChangeFeed {
  /** Random bytes (hex) made once per store; run ids are derived from it. */
  readonly secret: string;
  /** Reads something cheap; throws StoreUnavailableError. */
  describe(): Promise<StoreDescription>;
  /** Waits for commits in flight, then frees the file or connection. Later calls are refused. */
  close(): Promise<void>;
}
