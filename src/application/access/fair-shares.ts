import { DEFAULT_TENANT } from './access.ts';

/** The installation's own tenant may be the only one there is; what it leaves is there for the others. */
const PART_OF_DEFAULT = 3 / 4;
const PART_OF_TENANT = 1 / 2;
const PART_OF_CALLER = 1 / 2;

export interface FairShares {
  readonly ofTenant: number;
  /** Of each key; of the callers without one: of each address. */
  readonly ofCaller: number;
}

/**
 * How much of something bounded one tenant may hold at once, and how much one caller of it, so that neither keeps the others
 * out: a tenant half of all (`default` three quarters), a caller half of its tenant's, and each at least one.
 */
export function fairShares(limit: number, tenant: string): FairShares {
  const part = tenant === DEFAULT_TENANT ? PART_OF_DEFAULT : PART_OF_TENANT;
  const ofTenant = Math.max(1, Math.ceil(limit * part));
  return { ofTenant, ofCaller: Math.max(1, Math.ceil(ofTenant * PART_OF_CALLER)) };
}
