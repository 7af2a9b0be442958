import { createHash } from 'node:crypto';
import type { IdSource } from '../../ports/id-source.ts';
import { DEFAULT_TENANT } from './access.ts';

/** 130 random bits each: together more than the 256 that the key carries. */
const IDS_PER_KEY = 3;

/** The last 43 characters are the secret; only what stands before them may name a tenant. */
const KEY = /^bok_(?:([a-z0-9][a-z0-9-]{0,62})_)?[\w-]{43}$/;

/** 32 bytes that only the source of ids could foretell, behind the tenant that they are to be looked for under. */
export function newKeyText(ids: IdSource, tenant: string): string {
  const hash = createHash('sha256');
  for (let drawn = 0; drawn < IDS_PER_KEY; drawn += 1) hash.update(ids.newId());
  const hint = tenant === DEFAULT_TENANT ? '' : `${tenant}_`;
  return `bok_${hint}${hash.digest('base64url')}`;
}

/**
 * The tenant under which a key is to be looked for: a hint, no proof, as anybody can write it. `undefined`: it has not the
 * form of a key.
 */
export function tenantHintOf(key: string): string | undefined {
  const match = KEY.exec(key);
  return match === null ? undefined : (match[1] ?? DEFAULT_TENANT);
}
