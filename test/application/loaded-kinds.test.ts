import { describe, expect, it } from 'vitest';
import { createApplication } from '../../src/application/application.ts';
import type { LoadedKind } from '../../src/ports/loaded-kind.ts';
import { defineHandler, z } from '../../src/sdk/handler.ts';
import { createWorkbench, errorOf, portsOf, valueOf, type Workbench } from './workbench.ts';

const DEPLOY = `
name: release
steps:
  - { id: deploy, uses: acme.deploy, with: { to: live } }
`;

function kind(timeout = '1m'): LoadedKind {
  const { declaration, description } = defineHandler({
    kind: 'acme.deploy',
    description: 'Deploys somewhere.',
    input: z.strictObject({ to: z.string() }),
    output: z.object({ url: z.string() }),
    timeout,
    run: () => ({ url: '' }),
  });
  return { name: 'acme.deploy', description, declaration };
}

/** What a process on the bench's store can do that has loaded these kinds. */
function processWith(bench: Workbench, ...kinds: LoadedKind[]) {
  const { application, context, store, clock } = bench;
  if (kinds.length === 0) return { application, context };
  const ports = { ...portsOf(store, clock), loadedKinds: async () => kinds };
  return { application: createApplication(ports), context };
}

async function register(bench: Workbench, ...kinds: LoadedKind[]) {
  const { application, context } = processWith(bench, ...kinds);
  return application.registerWorkflow(context, { definition: DEPLOY });
}

describe('register_workflow with a loaded kind', () => {
  it('registers it for everyone, and gives a changed declaration a new version', async () => {
    const bench = createWorkbench();
    const first = valueOf(await register(bench, kind()));
    expect(first).toMatchObject({ version: 1, created: true, queues: ['handler:acme.deploy'] });
    expect(valueOf(await register(bench, kind()))).toMatchObject({ version: 1, created: false });
    expect(valueOf(await register(bench, kind('2m')))).toMatchObject({ version: 2, created: true });
  });

  it('refuses it where no handler is loaded, and says what loads one', async () => {
    const error = errorOf(await register(createWorkbench()));
    expect(error).toMatchObject({ code: 'invalid_definition', changed: 'nothing' });
    expect(error.violations?.[0]).toMatchObject({
      path: 'steps[0].uses',
      message: expect.stringContaining('the setting handlers') as string,
    });
  });

  it('takes the document that get_definition shows, and changes nothing', async () => {
    const bench = createWorkbench();
    await register(bench, kind());
    const { application, context } = processWith(bench, kind());
    const { yaml } = valueOf(await application.getDefinition(context, { workflow: 'release' }));
    expect(yaml).toContain('kinds:');
    const again = await application.registerWorkflow(context, { definition: yaml });
    expect(valueOf(again)).toMatchObject({ version: 1, created: false });
  });
});

describe('a process without the handler', () => {
  it('starts, shows and explains the run, and says which process can run the step', async () => {
    const bench = createWorkbench();
    await register(bench, kind());
    const run_id = await bench.start('release');
    const { application, context } = processWith(bench);
    const explained = valueOf(await application.explainWorkflow(context, { run_id }));
    expect(explained.reasons).toMatchObject([
      {
        kind: 'no_worker',
        step: 'deploy',
        message: expect.stringMatching(/setting handlers loads .*"acme\.deploy"/) as string,
      },
    ]);
    const seen = valueOf(await application.getWorkflow(context, { run_id }));
    expect(seen.steps).toMatchObject([{ id: 'deploy', uses: 'acme.deploy' }]);
  });

  it('records the result that a process with the handler reports, and checks its contract', async () => {
    const bench = createWorkbench();
    await register(bench, kind());
    const [good, bad] = [await bench.start('release'), await bench.start('release')];
    await bench.complete(await bench.claim('handler:acme.deploy'), { url: 'https://x.example' });
    await bench.complete(await bench.claim('handler:acme.deploy'), { uri: 'https://x.example' });
    const { application, context } = processWith(bench);
    const get = async (run_id: string) =>
      valueOf(await application.getWorkflow(context, { run_id }));
    expect(await get(good)).toMatchObject({ status: 'completed' });
    expect(await get(bad)).toMatchObject({ status: 'failed', error: { code: 'step_failed' } });
    expect((await bench.events(bad)).map(({ type }) => type)).toContain('ContractViolated');
  });

  it('goes on with a run by the declaration that the run started with', async () => {
    const bench = createWorkbench();
    await register(bench, kind());
    const old = await bench.start('release');
    await register(bench, kind('2m'));
    const run = await bench.ports.runs.get({ tenant: 'default', runId: old });
    expect(run?.plan.steps[0]?.timeoutMs).toBe(60_000);
    const young = await bench.ports.runs.get({
      tenant: 'default',
      runId: await bench.start('release'),
    });
    expect(young?.plan.steps[0]?.timeoutMs).toBe(120_000);
  });
});

describe('list_catalog with a loaded kind', () => {
  it('shows it like the built-in ones, with its schemas', async () => {
    const bench = createWorkbench();
    const { application, context } = processWith(bench, kind());
    const list = async (args: object) => valueOf(await application.listCatalog(context, args));
    const { step_kinds } = await list({ kind: 'step_kinds' });
    expect(step_kinds?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['shell', 'acme.deploy']),
    );
    const { step_kind } = await list({ name: 'acme.deploy' });
    expect(step_kind).toMatchObject({
      description: 'Deploys somewhere.',
      input_schema: { required: ['to'] },
      output_schema: { required: ['url'] },
      settings: expect.arrayContaining(['timeout', 'effect']) as string[],
      effect: 'idempotent',
    });
    const unknown = await application.listCatalog(context, {
      kind: 'step_kinds',
      name: 'acme.deplo',
    });
    expect(errorOf(unknown).next).toContain('Did you mean "acme.deploy"?');
  });
});
