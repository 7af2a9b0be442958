import type { Clock } from '../../ports/clock.ts';
import type { DefinitionCatalog } from '../../ports/definition-catalog.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import type { Store } from '../../ports/store.ts';
import { findByName, listDefinitions, register } from './definitions.ts';
import { deleteValue, getValue, listValues, setValue } from './key-values.ts';
import { MemoryDatabase } from './memory-database.ts';
import { createMemoryArtifactStore } from './memory-artifact-store.ts';
import { createMemoryMessageBus } from './memory-message-bus.ts';
import { createMemoryRunStore } from './memory-run-store.ts';
import { createMemorySession } from './memory-session.ts';
import type { MemorySession, StoreFaults } from './memory-session.ts';
import { createMemoryWorkSource } from './memory-work-source.ts';

export interface MemoryStoreOptions {
  /** Shared by the stores that play the processes of one installation; without it the store has its own. */
  readonly database?: MemoryDatabase;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly faults?: StoreFaults;
}

/**
 * The store in this process's memory: the same contract as the others, deterministic under a given clock and ids, but
 * without durability: what it acknowledged lives as long as its database object.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const database = options.database ?? new MemoryDatabase(options.ids);
  const session = createMemorySession(database, options.clock, options.faults);
  return {
    ...createMemoryRunStore(session),
    ...createMemoryWorkSource(session),
    ...createDefinitionCatalog(session),
    ...createKeyValueStore(session),
    ...createMemoryArtifactStore(session),
    ...createMemoryMessageBus(session),
    ...session.feed,
    secret: database.secret,
    describe: () =>
      session.perform('describe', () => ({
        kind: 'memory',
        location: 'the memory of this process',
        durability: 'none: everything is gone when the process ends',
        schemaVersion: 1,
        details: { runs: database.runs.size },
      })),
    close: async () => session.close(),
  };
}

function createDefinitionCatalog(session: MemorySession): DefinitionCatalog {
  const { database, clock } = session;
  const perform = session.perform.bind(session);
  return {
    register: (definition) =>
      perform('register', () => register(database, definition, clock.now())),
    findByHash: (tenant, hash) =>
      perform('findByHash', () =>
        database.definitions.find((other) => other.tenant === tenant && other.hash === hash),
      ),
    findByName: (tenant, name, version) =>
      perform('findByName', () => findByName(database, tenant, name, version)),
    listDefinitions: (tenant, limit, afterName) =>
      perform('listDefinitions', () => listDefinitions(database, tenant, limit, afterName)),
  };
}

function createKeyValueStore(session: MemorySession): KeyValueStore {
  const { database, clock } = session;
  const perform = session.perform.bind(session);
  return {
    getValue: (namespace, key) =>
      perform('getValue', () => getValue(database, namespace, key, clock.now())),
    listValues: (namespace) =>
      perform('listValues', () => listValues(database, namespace, clock.now())),
    setValue: (namespace, key, value, options = {}) =>
      perform('setValue', () => setValue(database, namespace, key, value, options, clock.now())),
    deleteValue: (namespace, key, expectedRevision) =>
      perform('deleteValue', () =>
        deleteValue(database, namespace, key, expectedRevision, clock.now()),
      ),
  };
}
