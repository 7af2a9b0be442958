import { describe, expect, it, test } from 'vitest';
import { SCOPES, type Caller, type Scope } from '../../../src/application/access/access.ts';
import type { Route } from '../../../src/http/rest/define-route.ts';
import { routes } from '../../../src/http/rest/routes/index.ts';
import {
  CANARY,
  createTenantWorld,
  idsOfNobody,
  toldBeside,
  viewOfAcme,
  type Ids,
  type TenantWorld,
} from '../../support/tenant-world.ts';
import { createRig, type Reply } from './rig.ts';

/** Of all paths: a parameter without a line fails. */
const PARAMETERS: Readonly<Record<string, (ids: Ids) => string>> = {
  workflow_id: ({ runId }) => runId,
  stage_id: ({ step }) => step,
  approval_id: ({ approvalId }) => approvalId,
  task: ({ task }) => task,
  name: ({ workflow }) => workflow,
};

/** Where the route's own example names nothing that acme has. */
const BODIES: Readonly<Record<string, (ids: Ids) => unknown>> = {
  start_workflow: ({ workflow: type }) => ({ type }),
  register_workflow: ({ workflow: name }) => ({
    definition: { name, steps: [{ id: 'a', uses: 'transform', with: 1 }] },
  }),
  register_agent: ({ agentId: agent_id, capability }) => ({ agent_id, capabilities: [capability] }),
  claim_task: ({ agentId: agent_id, capability }) => ({ agent_id, capabilities: [capability] }),
  handoff_task: ({ capability: to_capability }) => ({ to_capability }),
  publish_message: ({ topic, messageId: id }) => ({ topic, id, body: {} }),
};

const VIEWERS = [
  ['another tenant with every scope', 'rival', SCOPES],
  ['the default tenant without admin', 'default', SCOPES.filter((scope) => scope !== 'admin')],
] as const;

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

async function send(
  { bench, application }: TenantWorld,
  route: Route,
  ids: Ids,
  { tenant, scopes }: { readonly tenant: string; readonly scopes: Iterable<Scope> },
): Promise<Reply> {
  const key = { id: 'key_1', name: 'holder' };
  const caller: Caller = { tenant, scopes: new Set(scopes), key };
  const ending = new AbortController();
  const { signal: shutdown } = ending;
  const { clock } = bench;
  const rig = createRig({ caller, bench: { ...bench, application }, shutdown });
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = PARAMETERS[name];
    if (parameter === undefined) throw new Error(`no line for "${name}"`);
    return encodeURIComponent(parameter(ids));
  });
  if (route.otherType === 'text/event-stream') {
    const told = rig.get(`${path}?after=oldest`, { accept: 'text/event-stream' });
    await clock.advance(0);
    ending.abort();
    await clock.advance(0);
    return told;
  }
  const headers = { 'idempotency-key': ids.idempotencyKey };
  if (route.method === 'GET') return rig.get(path);
  const body = BODIES[route.name]?.(ids) ?? route.example;
  return rig.post(path, body, route.takesIdempotencyKey ? headers : {});
}

test('every route asks for the scope of a use case', () => {
  expect(routes.filter(({ scope }) => scope === undefined)).toEqual([]);
  const names = new Set(routes.map(({ name }) => name));
  expect(Object.keys(BODIES).filter((name) => !names.has(name))).toEqual([]);
});

describe.each(SCOPES)('a key with %s alone', (scope) => {
  it('is refused what asks for another, before anything is read or written', async () => {
    const world = await createTenantWorld();
    let touched = 0;
    world.bench.faults.fate = () => {
      touched += 1;
      return 'proceed';
    };
    const others = routes.filter((route) => route.scope !== scope);
    for (const route of others) {
      const reply = await send(world, route, world.ids, { tenant: 'acme', scopes: [scope] });
      const told = [nameOf(route), reply.status, reply.field('code')];
      expect(told).toEqual([nameOf(route), 403, 'missing_scope']);
    }
    expect(others.length).toBeGreaterThan(0);
    expect(touched).toBe(0);
  });
});

describe.each(routes.map((route) => [nameOf(route), route] as const))('%s', (_, route) => {
  it('lets its scope through', async () => {
    const world = await createTenantWorld();
    const caller = { tenant: 'acme', scopes: [route.scope ?? 'admin'] };
    const reply = await send(world, route, world.ids, caller);
    // 422: the key stands for an earlier request with another input.
    expect([200, 201, 409, 422]).toContain(reply.status);
  });

  it.each(VIEWERS)('tells and changes nothing of a tenant for %s', async (_who, tenant, scopes) => {
    const [theirs, nobodys] = [await createTenantWorld(), await createTenantWorld()];
    const absent = idsOfNobody(nobodys);
    const before = await viewOfAcme(theirs);
    const ask = async (world: TenantWorld, ids: Ids): Promise<string> => {
      const { status, text, headers } = await send(world, route, ids, { tenant, scopes });
      return toldBeside(ids, [status, text, ...headers].join('\n'));
    };
    const told = await ask(theirs, theirs.ids);
    expect(told).toBe(await ask(nobodys, absent));
    expect(told).not.toContain(CANARY);
    expect(await viewOfAcme(theirs)).toBe(before);
  });
});
