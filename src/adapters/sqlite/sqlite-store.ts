import { resolve } from 'node:path';
import type { DefinitionCatalog } from '../../ports/definition-catalog.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store, StoreDescription } from '../../ports/store.ts';
import { prepareDefinitions } from './definitions.ts';
import { prepareKeyValues } from './key-values.ts';
import { assertSqliteVersion, openDatabase } from './open-database.ts';
import { retryWhileBusy } from './retry-while-busy.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { asUnavailable } from './sqlite-failure.ts';
import { createSqliteArtifactStore } from './sqlite-artifact-store.ts';
import { createSqliteMessageBus } from './sqlite-message-bus.ts';
import { createSqliteRunStore } from './sqlite-run-store.ts';
import { createSqliteSession } from './sqlite-session.ts';
import type { SqliteSession } from './sqlite-session.ts';
import { createSqliteWorkSource } from './sqlite-work-source.ts';
import { integer, prepare, text } from './statement.ts';

export interface SqliteStoreOptions {
  /** On a local disk (its processes share a memory map); missing directories are created. */
  readonly path: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Commits and publications that readers of the feed may be behind. Default: MAX_FEED_ENTRIES. */
  readonly maxFeedEntries?: number;
}

/**
 * The store in one SQLite file that any number of processes on this machine share. What it has acknowledged survives
 * kill -9 of every process, and power loss where the disk honours sync. A process that dies midway leaves whole
 * commits only. It waits up to 5 s for other processes' locks, without blocking the thread.
 *
 * Rejects with StoreFileError when the file is newer, corrupt, foreign or unreadable (it is left as it was), and with
 * StoreUnavailableError when it stays locked or the linked SQLite is too old.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  assertSqliteVersion(process.versions.sqlite ?? '0');
  const path = resolve(options.path);
  try {
    const db = await retryWhileBusy(options, () => openDatabase(path));
    return assemble(createSqliteSession(db, options), path, options.maxFeedEntries);
  } catch (error) {
    throw asUnavailable(error);
  }
}

function assemble(session: SqliteSession, path: string, maxFeedEntries: number | undefined): Store {
  return {
    ...createSqliteRunStore(session),
    ...createSqliteWorkSource(session),
    ...createDefinitionCatalog(session),
    ...createKeyValueStore(session),
    ...createSqliteArtifactStore(session),
    ...createSqliteMessageBus(session, maxFeedEntries),
    onChange: (listener) => session.notices.onChange(listener),
    secret: text(prepare(session.db, 'SELECT secret FROM meta').row() ?? [], 0),
    describe: createDescribe(session, path),
    close: () => session.close(),
  };
}

function createDefinitionCatalog(session: SqliteSession): DefinitionCatalog {
  const { db, clock, writes } = session;
  const definitions = prepareDefinitions(db);
  return {
    register: (definition) => writes.submit(() => definitions.register(definition, clock.now())),
    findByHash: (tenant, hash) => session.read(() => definitions.byHash(tenant, hash)),
    findByName: (tenant, name, version) =>
      session.read(() => definitions.byName(tenant, name, version)),
    listDefinitions: (tenant, limit, afterName) =>
      session.read(() => definitions.list(tenant, limit, afterName)),
  };
}

function createKeyValueStore(session: SqliteSession): KeyValueStore {
  const { db, clock, sequence, writes } = session;
  const entries = prepareKeyValues(db, sequence);
  return {
    getValue: (namespace, key) => session.read(() => entries.get(namespace, key, clock.now())),
    listValues: (namespace) => session.read(() => entries.list(namespace, clock.now())),
    setValue: async (namespace, key, value, options = {}) => {
      const json = JSON.stringify(value);
      return writes.submit(() => entries.set(namespace, key, json, options, clock.now()));
    },
    deleteValue: (namespace, key, expectedRevision) =>
      writes.submit(() => entries.remove(namespace, key, expectedRevision ?? null, clock.now())),
  };
}

function createDescribe(session: SqliteSession, path: string): Store['describe'] {
  const { db } = session;
  const pages = prepare(db, 'PRAGMA page_count');
  const pageSize = prepare(db, 'PRAGMA page_size');
  const count = (statement: typeof pages): number => integer(statement.row() ?? [], 0);

  return (): Promise<StoreDescription> =>
    session.read(() => ({
      kind: 'sqlite',
      location: path,
      durability:
        'survives the death of every process, and power loss where the disk honours sync (WAL, synchronous=FULL)',
      schemaVersion: SCHEMA_VERSION,
      details: {
        sqliteVersion: process.versions.sqlite ?? 'unknown',
        sizeBytes: count(pages) * count(pageSize),
      },
    }));
}
