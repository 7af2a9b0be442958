import type { DatabaseSync } from 'node:sqlite';
import type { DefinitionCatalog, RegisteredDefinition } from '../../ports/definition-catalog.ts';
import { integer, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

export type NewDefinition = Parameters<DefinitionCatalog['register']>[0];

export interface Definitions {
  /** Inside a transaction. */
  register(
    definition: NewDefinition,
    nowMs: number,
  ): { readonly definition: RegisteredDefinition; readonly created: boolean };
  byHash(tenant: string, hash: string): RegisteredDefinition | undefined;
  byName(tenant: string, name: string, version?: number): RegisteredDefinition | undefined;
  list(tenant: string, limit: number, afterName?: string): readonly RegisteredDefinition[];
}

const SELECT =
  'SELECT tenant, name, version, hash, document, description, registered_at FROM definitions d';

export function prepareDefinitions(db: DatabaseSync): Definitions {
  const byHash = prepare(db, `${SELECT} WHERE tenant = ? AND hash = ? ORDER BY name LIMIT 1`);
  const same = prepare(db, `${SELECT} WHERE tenant = ? AND hash = ? AND name = ?`);
  const newest = prepare(
    db,
    `${SELECT} WHERE tenant = ? AND name = ? ORDER BY version DESC LIMIT 1`,
  );
  const exact = prepare(db, `${SELECT} WHERE tenant = ? AND name = ? AND version = ?`);
  const list = prepare(
    db,
    `${SELECT} WHERE tenant = ?1 AND name > ?2 AND version =
       (SELECT max(version) FROM definitions n WHERE n.tenant = ?1 AND n.name = d.name)
     ORDER BY name LIMIT ?3`,
  );
  const insert = prepare(
    db,
    `INSERT INTO definitions (tenant, name, version, hash, document, description, registered_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );

  return {
    register: (definition, nowMs) => {
      const { tenant, name, hash, document, description } = definition;
      const known = same.row(tenant, hash, name);
      if (known) return { definition: toDefinition(known), created: false };
      const last = newest.row(tenant, name);
      const version = last ? integer(last, 2) + 1 : 1;
      insert.run(tenant, name, version, hash, document, description ?? null, nowMs);
      return { definition: { ...definition, version, registeredAtMs: nowMs }, created: true };
    },
    byHash: (tenant, hash) => optional(byHash.row(tenant, hash)),
    byName: (tenant, name, version) =>
      optional(version === undefined ? newest.row(tenant, name) : exact.row(tenant, name, version)),
    list: (tenant, limit, afterName = '') => list.rows(tenant, afterName, limit).map(toDefinition),
  };
}

function optional(row: Row | undefined): RegisteredDefinition | undefined {
  return row && toDefinition(row);
}

function toDefinition(row: Row): RegisteredDefinition {
  const description = optionalText(row, 5);
  return {
    tenant: text(row, 0),
    name: text(row, 1),
    version: integer(row, 2),
    hash: text(row, 3),
    document: text(row, 4),
    ...(description === undefined ? {} : { description }),
    registeredAtMs: integer(row, 6),
  };
}
