import { agentQueue, agentTargetOf } from '../../domain/definition/agent-kind.ts';
import { DEFAULT_TENANT } from './access.ts';

/** Lower-case letters, digits and hyphens: none of the characters that separate it from what stands beside it in a key. */
export const TENANT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A name that holds for one tenant, as the tenant knows it. */
export interface TenantName {
  /** Absent: shared by all tenants. */
  readonly tenant?: string;
  readonly name: string;
}

/**
 * Under which name the store keeps a queue of a tenant: tasks for agents wait apart by tenant, because agents are given what
 * their queues hold; what workers run waits in queues that all tenants share. Those of `default` keep the names they
 * had before there were tenants.
 */
export function storedQueue(tenant: string, queue: string): string {
  const target = agentTargetOf(queue);
  if (tenant === DEFAULT_TENANT || target === undefined) return queue;
  return 'agent' in target
    ? agentQueue({ agent: `${tenant}/${target.agent}` })
    : agentQueue({ capability: `${tenant}/${target.capability}` });
}

/** The inverse of `storedQueue`. */
export function readStoredQueue(stored: string): TenantName {
  const target = agentTargetOf(stored);
  if (target === undefined) return { name: stored };
  const [name, tenant] = splitName('agent' in target ? target.agent : target.capability);
  const own = 'agent' in target ? { agent: name } : { capability: name };
  return { tenant, name: agentQueue(own) };
}

/**
 * The breaker of what a tenant's steps talk to: what one tenant's calls fail with is neither told to another nor held against
 * it. `target` is `<kind>:<name>`, and no kind has a slash.
 */
export function storedTarget(tenant: string, target: string): string {
  return tenant === DEFAULT_TENANT ? target : `${tenant}/${target}`;
}

/** The inverse of `storedTarget`; what is no target of steps (the store itself) belongs to all. */
export function readStoredTarget(stored: string): TenantName {
  const [, tenant = DEFAULT_TENANT, name = stored] = /^(?:([^/:]+)\/)?(.+:.*)$/s.exec(stored) ?? [];
  return stored.includes(':') ? { tenant, name } : { name: stored };
}

/** Names of agents and capabilities have no slash. */
function splitName(name: string): [name: string, tenant: string] {
  const at = name.indexOf('/');
  return at < 0 ? [name, DEFAULT_TENANT] : [name.slice(at + 1), name.slice(0, at)];
}
