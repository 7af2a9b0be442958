import type { DefinitionCatalog, RegisteredDefinition } from '../../ports/definition-catalog.ts';
import type { MemoryDatabase } from './memory-database.ts';

type NewDefinition = Parameters<DefinitionCatalog['register']>[0];

export function register(
  database: MemoryDatabase,
  definition: NewDefinition,
  nowMs: number,
): { readonly definition: RegisteredDefinition; readonly created: boolean } {
  const { tenant, name, hash, document, description } = definition;
  const versions = versionsOf(database, tenant, name);
  const known = versions.find((other) => other.hash === hash);
  if (known) return { definition: known, created: false };
  const created: RegisteredDefinition = Object.freeze({
    tenant,
    name,
    version: versions.length + 1,
    hash,
    document,
    ...(description === undefined ? {} : { description }),
    registeredAtMs: nowMs,
  });
  database.definitions.push(created);
  return { definition: created, created: true };
}

export function findByName(
  database: MemoryDatabase,
  tenant: string,
  name: string,
  version: number | undefined,
): RegisteredDefinition | undefined {
  const versions = versionsOf(database, tenant, name);
  return version === undefined
    ? versions.at(-1)
    : versions.find((definition) => definition.version === version);
}

export function listDefinitions(
  database: MemoryDatabase,
  tenant: string,
  limit: number,
  afterName = '',
): readonly RegisteredDefinition[] {
  const newest = new Map<string, RegisteredDefinition>();
  for (const definition of database.definitions) {
    if (definition.tenant === tenant && definition.name > afterName)
      newest.set(definition.name, definition);
  }
  return [...newest.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
}

/** In order of version: the list only ever grows at its end. */
function versionsOf(
  { definitions }: MemoryDatabase,
  tenant: string,
  name: string,
): readonly RegisteredDefinition[] {
  return definitions.filter((other) => other.tenant === tenant && other.name === name);
}
