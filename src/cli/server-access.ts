import { hasActiveKeys } from '../application/people/has-keys.ts';
import type { Baton } from '../composition.ts';
import type { LoadedConfig } from '../config.ts';
import { isLoopback } from '../http/loopback.ts';
import { isKeyRequired } from '../http/serve-endpoints.ts';
import { CliFailure } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';

const MAKE_ONE = 'baton keys create NAME --scopes runs:read,runs:write,agents:work';

/** Answers what its owner should know of who can come in. Beyond loopback nothing is served before there is a key. */
export async function checkAccess(
  { config: { http }, origins }: LoadedConfig,
  { ports }: Baton,
  fileKey: string | undefined,
): Promise<readonly string[]> {
  if (!isKeyRequired(http)) return [];
  const isAround = !isLoopback(http.host);
  const hasKeys = fileKey !== undefined || (await hasActiveKeys(ports));
  if (isAround && !hasKeys)
    throw new CliFailure({
      exitCode: EXIT.refused,
      code: 'no_keys',
      message: `http.host: ${http.host} (${origins.get('http.host') ?? 'default'}) can be reached from other machines, and the store holds no key`,
      changed: 'nothing',
      next: `${MAKE_ONE} makes one (or name a file in http.keyFile), then start again; on 127.0.0.1 no key is needed.`,
    });
  return [
    ...(isAround
      ? [
          'Keys and answers travel without encryption: put a proxy that speaks TLS in front, or stay in a network that you trust.',
        ]
      : []),
    ...(hasKeys ? [] : [`Every request needs a key, and the store holds none: ${MAKE_ONE}.`]),
  ];
}
