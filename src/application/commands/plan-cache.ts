import { parseDefinition } from '../../domain/definition.ts';
import type { Plan } from '../../domain/plan.ts';
import type { DefinitionCatalog } from '../../ports/definition-catalog.ts';
import { createLeastRecentlyUsed } from './least-recently-used.ts';

/** Compiled plans kept in memory; a plan of 10,000 steps holds some 10 MB. */
const MAX_CACHED_PLANS = 64;

export interface PlanCache {
  /** Throws when the catalogue lost a definition that a run refers to, or holds one that does not compile. */
  get(tenant: string, hash: string): Promise<Plan>;
}

export function createPlanCache(catalog: DefinitionCatalog): PlanCache {
  const plans = createLeastRecentlyUsed<Plan>(MAX_CACHED_PLANS);
  return {
    async get(tenant, hash) {
      // The tenant is part of the key: a definition of one must not be found for another.
      const key = `${tenant}/${hash}`;
      const cached = plans.get(key);
      if (cached !== undefined) return cached;
      const plan = await loadPlan(catalog, tenant, hash);
      plans.set(key, plan);
      return plan;
    },
  };
}

async function loadPlan(catalog: DefinitionCatalog, tenant: string, hash: string): Promise<Plan> {
  const registered = await catalog.findByHash(tenant, hash);
  if (registered === undefined) throw new Error(`definition ${hash} is not in the store`);
  const parsed = parseDefinition(JSON.parse(registered.document));
  if (!parsed.ok)
    throw new Error(
      `definition ${hash} was written by another Baton: ${JSON.stringify(parsed.errors)}`,
    );
  return parsed.plan;
}
