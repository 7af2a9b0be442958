import { describe, expect, it, test } from 'vitest';
import { SCOPES, type Caller, type Scope } from '../../src/application/access/access.ts';
import type { Prompt } from '../../src/mcp/define-prompt.ts';
import type { ToolContext } from '../../src/mcp/define-tool.ts';
import { prompts } from '../../prompts/index.ts';
import { resources } from '../../resources/index.ts';
import { tools } from '../../tools/index.ts';
import {
  CANARY,
  contextOf,
  createTenantWorld,
  idsOfNobody,
  toldBeside,
  viewOfAcme,
  type Ids,
  type TenantWorld,
} from '../support/tenant-world.ts';
import { connect, textOf, type Session } from './connect.ts';

/** The arguments of every tool: a tool without a line fails. */
const ARGUMENTS: Readonly<Record<string, (ids: Ids) => Record<string, unknown>>> = {
  start_workflow: ({ workflow, idempotencyKey: idempotency_key }) => ({
    workflow,
    idempotency_key,
  }),
  get_workflow: ({ runId: run_id, step }) => ({ run_id, step }),
  list_workflows: ({ workflow }) => ({ workflow }),
  await_workflow: ({ runId: run_id }) => ({ run_id, wait_seconds: 0 }),
  explain_workflow: ({ runId: run_id }) => ({ run_id }),
  signal_workflow: ({ runId: run_id }) => ({ run_id, name: 'go', payload: {} }),
  cancel_workflow: ({ runId: run_id }) => ({ run_id }),
  pause_workflow: ({ runId: run_id }) => ({ run_id }),
  resume_workflow: ({ runId: run_id }) => ({ run_id }),
  get_workflow_history: ({ runId: run_id }) => ({ run_id }),
  register_workflow: ({ workflow }) => ({
    definition: `{ name: ${workflow}, steps: [{ id: a, uses: transform, with: 1 }] }`,
  }),
  list_catalog: () => ({}),
  checkpoint: ({ runId: run_id }) => ({ run_id, name: 'here' }),
  register_agent: ({ agentId: agent_id }) => ({ agent_id }),
  claim_task: ({ agentId: agent_id, capability }) => ({
    ...{ agent_id, capabilities: [capability], wait_seconds: 0 },
  }),
  report_task: ({ task }) => ({ task, action: 'complete', output: {} }),
  handoff_task: ({ task, capability: to_capability }) => ({ task, to_capability }),
  request_approval: ({ runId: run_id, approvalId: approval_id }) => ({
    ...{ run_id, approval_id, wait_seconds: 0 },
  }),
  get_health: () => ({}),
};

/** Of the templates of resources and the arguments of prompts: a name without a line fails. */
const VALUES: Readonly<Record<string, (ids: Ids) => string>> = {
  run_id: ({ runId }) => runId,
  step_id: ({ step }) => step,
  checkpoint_id: ({ checkpointId }) => checkpointId,
  approval_id: ({ approvalId }) => approvalId,
  agent_id: ({ agentId }) => agentId,
  name: ({ workflow }) => workflow,
  workflow: ({ workflow }) => workflow,
  offset: () => '0',
  hours: () => '24',
  goal: () => 'peace',
};

const VIEWERS = [
  ['another tenant with every scope', 'rival', SCOPES],
  ['the default tenant without admin', 'default', SCOPES.filter((scope) => scope !== 'admin')],
] as const;

function valueOfName(name: string, ids: Ids): string {
  const value = VALUES[name];
  if (value === undefined) throw new Error(`no line for "${name}"`);
  return value(ids);
}

function addressOf(uri: string, ids: Ids): string {
  return uri
    .replace(/\{\?.*\}/, '')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(valueOfName(name, ids)));
}

function requestOf({ name, listing }: Prompt, ids: Ids) {
  const given: Record<string, string> = {};
  for (const argument of listing.arguments) given[argument.name] = valueOfName(argument.name, ids);
  return { name, arguments: given };
}

async function connectAs(
  { bench, application }: TenantWorld,
  tenant: string,
  scopes: Iterable<Scope>,
): Promise<Session> {
  const caller: Caller = { tenant, scopes: new Set(scopes), key: { id: 'key_1', name: 'k' } };
  const live = { changes: bench.store, clock: bench.clock };
  return connect({ bench, application, caller, live });
}

/** As the client was told, whether it was an answer or a refusal. */
async function told(request: Promise<unknown>): Promise<unknown> {
  try {
    return await request;
  } catch (error) {
    return String(error);
  }
}

async function differsInNothing(
  tenant: string,
  scopes: Iterable<Scope>,
  ask: (session: Session, ids: Ids) => Promise<unknown>,
): Promise<void> {
  const [theirs, nobodys] = [await createTenantWorld(), await createTenantWorld()];
  const absent = idsOfNobody(nobodys);
  const before = await viewOfAcme(theirs);
  const asked = async (world: TenantWorld, ids: Ids): Promise<string> =>
    toldBeside(ids, await ask(await connectAs(world, tenant, scopes), ids));
  const answer = await asked(theirs, theirs.ids);
  expect(answer).toBe(await asked(nobodys, absent));
  expect(answer).not.toContain(CANARY);
  expect(await viewOfAcme(theirs)).toBe(before);
}

test('every tool is probed', () => {
  expect(Object.keys(ARGUMENTS).sort()).toEqual(tools.map(({ name }) => name).sort());
});

describe.each(SCOPES)('a key with %s alone', (scope) => {
  it('is shown the tools of that scope; the others are refused, and nothing is touched', async () => {
    const world = await createTenantWorld();
    const session = await connectAs(world, 'acme', [scope]);
    const shown = (await session.client.listTools()).tools.map(({ name }) => name);
    expect(shown).toEqual(tools.filter((tool) => tool.scope === scope).map(({ name }) => name));
    let touched = 0;
    world.bench.faults.fate = () => {
      touched += 1;
      return 'proceed';
    };
    for (const tool of tools.filter((one) => one.scope !== scope)) {
      const refused = await session.call(tool.name, ARGUMENTS[tool.name]?.(world.ids));
      expect(refused.isError).toBe(true);
      expect(textOf(refused)).toContain(`needs the scope ${tool.scope}`);
      // Whoever gets past the list meets the guard.
      const context: ToolContext = {
        ...contextOf(world.bench, 'acme', [scope]),
        maxWaitSeconds: 0,
      };
      const args = ARGUMENTS[tool.name]?.(world.ids);
      const past = await tool.call(world.application, context, args);
      expect(past).toMatchObject({ ok: false, error: { code: 'missing_scope' } });
    }
    expect(touched).toBe(0);
  });

  it('is shown the resources of that scope; the others are no addresses', async () => {
    const world = await createTenantWorld();
    const { client } = await connectAs(world, 'acme', [scope]);
    const own = resources.filter((resource) => resource.scope === scope);
    const { resourceTemplates } = await client.listResourceTemplates();
    const templates = own.filter(({ template }) => !template.isConcrete);
    expect(resourceTemplates.map(({ name }) => name)).toEqual(templates.map(({ name }) => name));
    const listed = (await client.listResources()).resources.map(({ uri }) => uri);
    expect(listed.filter((uri) => !own.some(({ template }) => template.match(uri)))).toEqual([]);
    for (const resource of resources.filter((one) => one.scope !== scope)) {
      const uri = addressOf(resource.uri, world.ids);
      const refused = await told(client.readResource({ uri }));
      expect(refused).toContain('is no address of Baton');
      expect(refused).not.toContain('canary-anna');
      const past = await resource.read(
        world.application,
        contextOf(world.bench, 'acme', [scope]),
        resource.template.match(uri) ?? {},
      );
      expect(past).toMatchObject({ ok: false, error: { code: 'missing_scope' } });
    }
  });
});

describe.each(SCOPES.filter((scope) => scope !== 'runs:read'))('a key with %s alone', (scope) => {
  it('gets no prompt that tells of runs', async () => {
    const world = await createTenantWorld();
    const { client } = await connectAs(world, 'acme', [scope]);
    for (const prompt of prompts) {
      const answer = await told(client.getPrompt(requestOf(prompt, world.ids)));
      expect(toldBeside(world.ids, answer)).not.toContain(CANARY);
    }
  });

  it('is completed nothing', async () => {
    const world = await createTenantWorld();
    const context = contextOf(world.bench, 'acme', [scope]);
    for (const { complete } of [...prompts, ...resources])
      for (const completer of Object.values(complete)) {
        const given = { run_id: world.ids.runId };
        const completed = await completer(world.application, context, '', given);
        expect(completed).toMatchObject({ ok: false, error: { code: 'missing_scope' } });
      }
  });
});

test.each(resources.map(({ uri }) => uri))('acme itself is told of its own by %s', async (uri) => {
  const world = await createTenantWorld();
  const { client } = await connectAs(world, 'acme', ['runs:read']);
  const own = await client.readResource({ uri: addressOf(uri, world.ids) });
  const [content] = own.contents;
  expect(content && 'text' in content ? content.text : '').toContain(CANARY);
});

describe.each(VIEWERS)('%s', (_, tenant, scopes) => {
  it.each(tools.map(({ name }) => name))('learns and changes nothing by %s', (name) =>
    differsInNothing(tenant, scopes, (session, ids) =>
      told(session.call(name, ARGUMENTS[name]?.(ids))),
    ),
  );

  it.each(resources.map(({ uri }) => uri))('learns nothing from %s', (uri) =>
    differsInNothing(tenant, scopes, ({ client }, ids) =>
      told(client.readResource({ uri: addressOf(uri, ids) })),
    ),
  );

  it.each(resources.map(({ uri }) => uri))('is told of no change of %s', (uri) =>
    differsInNothing(tenant, scopes, ({ client }, ids) =>
      told(client.subscribeResource({ uri: addressOf(uri, ids) })),
    ),
  );

  it('is listed nothing', () =>
    differsInNothing(tenant, scopes, ({ client }) => told(client.listResources())));

  it.each(prompts)('learns nothing from the prompt $name', (prompt) =>
    differsInNothing(tenant, scopes, ({ client }, ids) =>
      told(client.getPrompt(requestOf(prompt, ids))),
    ),
  );

  it('is completed nothing', async () => {
    const world = await createTenantWorld();
    const context = contextOf(world.bench, tenant, scopes);
    for (const { complete } of [...prompts, ...resources])
      for (const completer of Object.values(complete)) {
        const given = { run_id: world.ids.runId };
        const completed = await completer(world.application, context, '', given);
        expect(completed).toEqual({ ok: true, value: { values: [], hasMore: false } });
      }
  });
});
