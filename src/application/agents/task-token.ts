import { createHmac } from 'node:crypto';
import type { Lease } from '../../ports/work-source.ts';

/** What an agent holds: the lease on one attempt of one step. */
export interface HeldTask {
  readonly lease: Lease;
  readonly attempt: number;
}

const SEPARATOR = '~';
const MAC_CHARS = 16;

/**
 * The lease as one word that an agent hands back with its reports. Signed with the store's secret, so that an agent
 * cannot make up another's: who holds the word holds the task.
 */
export function writeTaskToken(secret: string, { lease, attempt }: HeldTask): string {
  const { key, id, fence, owner } = lease;
  const text = [key.runId, id, attempt, fence, owner].join(SEPARATOR);
  return `${text}${SEPARATOR}${macOf(secret, key.tenant, text)}`;
}

/** `undefined` for a word that this store never gave to anybody of the tenant. */
export function readTaskToken(secret: string, tenant: string, token: string): HeldTask | undefined {
  const end = token.lastIndexOf(SEPARATOR);
  const text = token.slice(0, end);
  if (end < 0 || token.slice(end + 1) !== macOf(secret, tenant, text)) return undefined;
  const [runId = '', id = '', attempt, fence, owner = ''] = text.split(SEPARATOR);
  // The store asks for owner and fence; when the lease runs out is for it to know.
  const lease: Lease = {
    key: { tenant, runId },
    item: 'task',
    id,
    owner,
    fence: Number(fence),
    expiresAtMs: 0,
  };
  return { lease, attempt: Number(attempt) };
}

function macOf(secret: string, tenant: string, text: string): string {
  const hmac = createHmac('sha256', secret).update(JSON.stringify(['task', tenant, text]));
  return hmac.digest('hex').slice(0, MAC_CHARS);
}
