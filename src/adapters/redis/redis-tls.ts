import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { RedisOptions } from 'ioredis';
import { RedisStoreError } from './redis-store-error.ts';

type TlsOptions = NonNullable<RedisOptions['tls']>;

/** Parameters of a `rediss://` URL that name files: whom to trust, and who Baton is where the server asks for that. */
export const TLS_FILES = ['ca', 'cert', 'key'] as const;

/**
 * Without `ca` the authorities of Node and of NODE_EXTRA_CA_CERTS are trusted; with it only that one. Name and dates of a
 * certificate are always checked. Throws RedisStoreError (`url`) when a file cannot be read.
 */
export function readTlsOptions(parameters: URLSearchParams): TlsOptions {
  const tls: Partial<Record<(typeof TLS_FILES)[number], Buffer>> = {};
  for (const name of TLS_FILES) {
    const path = parameters.get(name);
    if (path !== null) tls[name] = readNamed(name, path);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new RedisStoreError('url', 'the URL of the store names only one of ?cert= and ?key=');
  return tls;
}

function readNamed(name: string, path: string): Buffer {
  // A client starts Baton in a directory of its own choice.
  if (!isAbsolute(path))
    throw new RedisStoreError('url', `?${name}=${path} of the store's URL is not an absolute path`);
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RedisStoreError('url', `?${name}= of the store's URL cannot be read: ${reason}`);
  }
}
