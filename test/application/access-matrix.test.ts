import { describe, expect, it, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/application/access/access.ts';
import { REQUIRED_SCOPES, type Application } from '../../src/application/application.ts';
import {
  CANARY,
  contextOf,
  createTenantWorld,
  idsOfNobody,
  toldBeside,
  viewOfAcme,
} from '../support/tenant-world.ts';
import { useCaseProbes } from '../support/use-case-probes.ts';

const names = Object.keys(REQUIRED_SCOPES) as (keyof Application)[]; // has no others

test('every use case is guarded, and probed', async () => {
  const { application } = await createTenantWorld();
  expect(Object.keys(application).sort()).toEqual([...names].sort());
  expect(Object.keys(useCaseProbes).sort()).toEqual([...names].sort());
});

describe.each(names)('%s', (name) => {
  const required = REQUIRED_SCOPES[name];
  const others = SCOPES.filter((scope) => scope !== required);

  it('is refused without its scope, whatever else the caller may do, and touches nothing', async () => {
    const { bench, application, ids } = await createTenantWorld();
    let touched = 0;
    bench.faults.fate = () => {
      touched += 1;
      return 'proceed';
    };
    const carried: Scope[][] = [[], others, ...others.map((scope) => [scope])];
    for (const scopes of carried) {
      const told = await useCaseProbes[name](application, contextOf(bench, 'acme', scopes), ids);
      expect(JSON.stringify(told)).not.toContain(CANARY.slice(1));
      for (const answer of Array.isArray(told) ? told : [told]) {
        if (typeof answer !== 'object' || Array.isArray(answer)) continue;
        expect(answer).toMatchObject({ ok: false, error: { code: 'missing_scope' } });
      }
    }
    expect(touched).toBe(0);
  });

  it('is let through with that scope alone', async () => {
    const { bench, application, ids } = await createTenantWorld();
    const told = await useCaseProbes[name](application, contextOf(bench, 'acme', [required]), ids);
    expect(JSON.stringify(told)).not.toContain('missing_scope');
  });

  it.each([
    ['another tenant with every scope', 'rival', SCOPES],
    ['the default tenant without admin', 'default', SCOPES.filter((scope) => scope !== 'admin')],
  ] as const)('tells and changes nothing of a tenant for %s', async (_, tenant, scopes) => {
    const [theirs, nobodys] = [await createTenantWorld(), await createTenantWorld()];
    const absent = idsOfNobody(nobodys);
    const before = await viewOfAcme(theirs);
    const ask = (world: typeof theirs, ids: typeof absent): Promise<unknown> =>
      useCaseProbes[name](world.application, contextOf(world.bench, tenant, scopes), ids);
    const told = toldBeside(theirs.ids, await ask(theirs, theirs.ids));
    // That there is such a thing makes no difference to what is answered.
    expect(told).toBe(toldBeside(absent, await ask(nobodys, absent)));
    expect(told).not.toContain(CANARY);
    expect(await viewOfAcme(theirs)).toBe(before);
  });
});
