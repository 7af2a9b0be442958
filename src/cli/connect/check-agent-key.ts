import { hashOfKey, readKey, type KeyRecord } from '../../application/access/api-keys.ts';
import { tenantHintOf } from '../../application/access/key-text.ts';
import { usageFailure } from '../cli-failure.ts';
import type { Invocation } from '../cli.ts';
import { keyIn } from '../mask-keys.ts';

/** With these, whoever reads the agent's configuration could answer its own approvals, at once or by a key that it makes. */
const SCOPES_OF_PEOPLE = ['approvals:resolve', 'admin'];

/**
 * Refuses headers that hold a key of this store which is for people: an agent reads what is registered for it. A key that
 * this store does not know is of a server elsewhere: nothing can be said of its scopes here, and the note says so. Writes
 * nothing; throws a failure.
 */
export async function checkAgentKey(
  invocation: Invocation,
  headers: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const [name, key] =
    Object.entries(headers)
      .map(([header, value]) => [header, keyIn(value)] as const)
      .find(([, held]) => held !== undefined) ?? [];
  if (key === undefined) return [];
  const record = await findKey(invocation, key);
  const held = SCOPES_OF_PEOPLE.filter((scope) => record?.scopes.includes(scope));
  if (held.length > 0)
    throw usageFailure(
      `--header ${name ?? ''} holds a key for ${held.join(' and ')}: the agent could read it and answer its own approvals`,
      'Give the agent a key of its own: baton keys create NAME --scopes runs:read,runs:write,agents:work',
      'key_of_a_person',
    );
  return record === undefined ? [UNKNOWN_KEY] : [];
}

async function findKey(invocation: Invocation, key: string): Promise<KeyRecord | undefined> {
  const tenant = tenantHintOf(key);
  if (tenant === undefined) return undefined;
  return invocation.withBaton(
    async ({ ports }) => (await readKey(ports.store, { tenant, hash: hashOfKey(key) }))?.record,
  );
}

const UNKNOWN_KEY =
  'the key is not of this store, so its scopes were not looked at: with approvals:resolve or admin the agent could answer its own approvals';
