import { describe, expect, it } from 'vitest';
import { GREET, RELEASE } from './definitions.ts';
import { createWorkbench, errorOf, valueOf } from './workbench.ts';

describe('register_workflow', () => {
  it('registers YAML and JSON, and keeps the version of the same content', async () => {
    const bench = createWorkbench();
    const register = (definition: string) =>
      bench.application.registerWorkflow(bench.context, { definition });
    expect(valueOf(await register(GREET))).toMatchObject({ version: 1, created: true });
    expect(valueOf(await register(GREET))).toMatchObject({ version: 1, created: false });
    const json = JSON.stringify({
      name: 'greet',
      steps: [{ id: 'a', uses: 'transform', with: { x: 1 } }],
    });
    expect(valueOf(await register(json))).toMatchObject({ version: 2, created: true });
    expect(await bench.store.findByName('default', 'greet')).toMatchObject({ version: 2 });
  });

  it('plans a dry run and registers nothing', async () => {
    const bench = createWorkbench();
    const args = { definition: RELEASE, dry_run: true };
    const planned = valueOf(await bench.application.registerWorkflow(bench.context, args));
    expect(planned).toMatchObject({
      dry_run: true,
      created: false,
      levels: [['build'], ['gate'], ['report']],
      queues: ['shell:make'],
    });
    expect(planned.graph).toContain('flowchart TD');
    expect(planned.version).toBeUndefined();
    expect(await bench.store.findByName('default', 'release')).toBeUndefined();
  });

  it('tells every mistake at once, each with its place and the nearest name', async () => {
    const bench = createWorkbench();
    const definition = RELEASE.replace('needs: [build]', 'needs: [biuld]').replace(
      'uses: transform',
      'uses: transfrm',
    );
    const error = errorOf(await bench.application.registerWorkflow(bench.context, { definition }));
    expect(error).toMatchObject({ code: 'invalid_definition', changed: 'nothing' });
    expect(error.violations).toContainEqual(
      expect.objectContaining({ path: 'steps[1].needs[0]', suggestion: 'build' }),
    );
    expect(error.violations).toContainEqual(
      expect.objectContaining({ path: 'steps[2].uses', suggestion: 'transform' }),
    );
    expect(await bench.store.findByName('default', 'release')).toBeUndefined();
  });

  it.each([
    ['broken YAML', 'name: [', 'line 1'],
    ['a repeated key', 'name: a\nname: b', 'line 2'],
    ['two documents', 'name: a\n---\nname: b', 'line 2'],
    ['an unknown tag', 'name: !!js/function "x"', 'line 1'],
    ['too large a text', `name: ${'x'.repeat(1_100_000)}`, 'document'],
    ['an alias without anchor', 'name: *nothing', 'document'],
  ])('refuses %s with its place', async (_, definition, place) => {
    const bench = createWorkbench();
    const error = errorOf(await bench.application.registerWorkflow(bench.context, { definition }));
    expect(error.code).toBe('invalid_definition');
    expect(error.violations?.[0]?.path).toContain(place);
  });

  it('refuses an alias bomb quickly', async () => {
    const bench = createWorkbench();
    const levels = Array.from(
      { length: 9 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(', ')}]`,
    );
    const definition = ['l0: &l0 [x, x]', ...levels].join('\n');
    const error = errorOf(await bench.application.registerWorkflow(bench.context, { definition }));
    expect(error.violations?.[0]?.message).toContain('alias');
  });

  it('refuses prototype keys', async () => {
    const bench = createWorkbench();
    const definition =
      'name: x\nsteps:\n  - id: a\n    uses: transform\n    with: { __proto__: { a: 1 } }';
    const error = errorOf(await bench.application.registerWorkflow(bench.context, { definition }));
    expect(JSON.stringify(error.violations)).toContain('__proto__');
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe('list_catalog', () => {
  it('shows workflows, step kinds and live workers', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    await bench.announce('shell:make');
    const catalog = valueOf(await bench.application.listCatalog(bench.context, {}));
    expect(catalog.workflows).toEqual([{ name: 'greet', version: 1, description: 'Says hello' }]);
    expect(catalog.step_kinds?.map(({ name }) => name)).toContain('shell');
    expect(catalog.workers).toMatchObject([{ queues: ['shell:make'] }]);
    await bench.clock.advance(16_000);
    const later = await bench.application.listCatalog(bench.context, { kind: 'workers' });
    expect(valueOf(later)).toEqual({ workers: [] });
  });

  it('gives the input schema of one workflow, and of one step kind', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const list = (name: string) => bench.application.listCatalog(bench.context, { name });
    const { workflow } = valueOf(await list('greet'));
    expect(workflow).toMatchObject({
      input_schema: { required: ['who'] },
      steps: [{ id: 'hello', uses: 'transform', needs: [] }],
    });
    const { step_kind } = valueOf(await list('shell'));
    expect(JSON.stringify(step_kind?.input_schema)).toContain('command');
    expect(errorOf(await list('gret')).next).toContain('Did you mean "greet"?');
    const kinds = { kind: 'step_kinds', name: 'shel' } as const;
    const unknown = await bench.application.listCatalog(bench.context, kinds);
    expect(errorOf(unknown)).toMatchObject({ code: 'unknown_step_kind' });
  });

  it('pages through many workflows', async () => {
    const bench = createWorkbench();
    for (let at = 0; at < 60; at += 1)
      await bench.register(
        GREET.replace('name: greet', `name: greet${String(at).padStart(2, '0')}`),
      );
    const first = valueOf(await bench.application.listCatalog(bench.context, {}));
    expect(first.workflows).toHaveLength(50);
    const rest = valueOf(
      await bench.application.listCatalog(bench.context, { cursor: first.next_cursor }),
    );
    expect(rest.workflows?.map(({ name }) => name)).toEqual(
      Array.from({ length: 10 }, (_, at) => `greet${at + 50}`),
    );
    expect(rest.step_kinds).toBeUndefined();
  });
});

describe('get_health', () => {
  it('is ok with a live worker, and degraded with the reason without', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    await bench.start('release');
    const health = async () => valueOf(await bench.application.getHealth(bench.context, {}));
    const alone = await health();
    expect(alone.status).toBe('degraded');
    expect(alone.reasons.join()).toContain('shell:make');
    await bench.announce('shell:make');
    expect(await health()).toMatchObject({
      status: 'ok',
      reasons: [],
      store: { kind: 'memory' },
      queues: [{ queue: 'shell:make', waiting: 1 }],
    });
  });

  it('answers when the store does not', async () => {
    const bench = createWorkbench();
    bench.faults.fate = () => 'fail';
    const health = valueOf(await bench.application.getHealth(bench.context, {}));
    expect(health.status).toBe('degraded');
    expect(health.reasons[0]).toContain('the store does not answer');
  });
});
