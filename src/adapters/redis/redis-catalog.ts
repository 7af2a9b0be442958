import { z } from 'zod';
import type { DefinitionCatalog, RegisteredDefinition } from '../../ports/definition-catalog.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { RedisSession } from './redis-session.ts';
import { list, text } from './reply.ts';
import type { Reply } from './reply.ts';

/** The part of a record that is JSON. */
const storedSchema = z.object({
  name: z.string(),
  hash: z.string(),
  document: z.string(),
  description: z.string().optional(),
});

/** All definitions of a tenant stand in one shard. */
export function createRedisCatalog(session: RedisSession): DefinitionCatalog {
  const call = (operation: string, tenant: string, args: readonly string[]): Promise<Reply> =>
    session.perform(() => session.call(operation, session.shardOf(`definitions\n${tenant}`), args));

  return {
    register: async ({ tenant, ...rest }) => {
      const { name, hash } = rest;
      const args = [session.now, tenant, name, hash, JSON.stringify(rest)];
      const [created, record] = list(await call('register_definition', tenant, args));
      return { definition: readRecord(tenant, text(record)), created: created === '1' };
    },
    findByHash: async (tenant, hash) =>
      readOptional(tenant, await call('find_by_hash', tenant, [tenant, hash])),
    findByName: async (tenant, name, version) => {
      const wanted = version === undefined ? '' : String(version);
      return readOptional(tenant, await call('find_by_name', tenant, [tenant, name, wanted]));
    },
    listDefinitions: async (tenant, limit, afterName) => {
      const args = [tenant, String(limit), afterName ?? ''];
      return list(await call('list_definitions', tenant, args)).map((record) =>
        readRecord(tenant, text(record)),
      );
    },
  };
}

function readOptional(tenant: string, reply: Reply): RegisteredDefinition | undefined {
  return reply === null ? undefined : readRecord(tenant, text(reply));
}

/** version, line, time, line, JSON: as catalog.lua writes it. */
function readRecord(tenant: string, record: string): RegisteredDefinition {
  const [, version, time, json] = /^(\d+)\n(\d+)\n(.*)$/s.exec(record) ?? [];
  if (json === undefined) throw new StoreUnavailableError('Redis holds a damaged definition');
  const { description, ...stored } = storedSchema.parse(JSON.parse(json));
  return {
    tenant,
    ...stored,
    version: Number(version),
    ...(description === undefined ? {} : { description }),
    registeredAtMs: Number(time),
  };
}
