import { existsSync } from 'node:fs';
import { countKeys } from '../application/access/count-keys.ts';
import type { Baton } from '../composition.ts';
import type { LoadedConfig } from '../config.ts';
import { isStoreUrl } from '../config/store-place.ts';
import { notesOnNames } from '../http/allow-lists.ts';
import { isLoopback } from '../http/loopback.ts';
import { isKeyRequired } from '../http/serve-endpoints.ts';
import { CliFailure } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';

const MAKE_ONE = 'baton keys create NAME --scopes runs:read,runs:write,agents:work';

/** Refuses, before a store is made, what `checkAccess` would refuse for want of any key: a new file holds none. */
export function checkStoreFile(loaded: LoadedConfig, fileKey: string | undefined): void {
  const { http, store } = loaded.config;
  const isNew = !isStoreUrl(store) && !existsSync(store);
  if (isNew && fileKey === undefined && !isLoopback(http.host)) throw noKeys(loaded, 'no key');
}

/** Answers what its owner should know of who can come in. Beyond loopback nothing is served before there is a key. */
export async function checkAccess(
  loaded: LoadedConfig,
  { ports }: Baton,
  fileKey: string | undefined,
): Promise<readonly string[]> {
  const { http } = loaded.config;
  if (!isKeyRequired(http)) return [];
  const isAround = !isLoopback(http.host);
  const lack = fileKey === undefined ? lackOf(await countKeys(ports)) : undefined;
  if (isAround && lack !== undefined) throw noKeys(loaded, lack);
  return [
    ...notesOnNames(http),
    ...(isAround
      ? [
          'Keys and answers travel without encryption: put a proxy that speaks TLS in front, or stay in a network that you trust.',
        ]
      : []),
    ...(lack === undefined
      ? []
      : [`Every request needs a key, and the store holds ${lack}. ${MAKE_ONE} makes one.`]),
  ];
}

/** What there is instead of an active key; `undefined`: there is one. */
function lackOf({
  active,
  expired,
  revoked,
}: Awaited<ReturnType<typeof countKeys>>): string | undefined {
  if (active > 0) return undefined;
  const ended = [
    ...(expired > 0 ? [`${expired} ${expired === 1 ? 'has' : 'have'} expired`] : []),
    ...(revoked > 0 ? [`${revoked} ${revoked === 1 ? 'was' : 'were'} revoked`] : []),
  ];
  return ended.length === 0 ? 'no key' : `no active key: ${ended.join(', ')}`;
}

function noKeys({ config: { http }, origins }: LoadedConfig, lack: string): CliFailure {
  return new CliFailure({
    exitCode: EXIT.refused,
    code: 'no_keys',
    message: `http.host: ${http.host} (${origins.get('http.host') ?? 'default'}) can be reached from other machines, and the store holds ${lack}`,
    changed: 'nothing',
    next: `${MAKE_ONE} makes one (or name a file in http.keyFile), then start again; on 127.0.0.1 no key is needed.`,
  });
}
