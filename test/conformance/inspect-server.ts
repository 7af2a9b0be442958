import assert from 'node:assert/strict';
import { z } from 'zod';
import { tools } from '../../tools/index.ts';
import { inspect, type Era, type InspectorTarget } from './inspector.ts';

export interface Inspection {
  readonly what: string;
  /** Undefined when it passed. */
  readonly fault: string | undefined;
}

const NAMES = z.array(z.looseObject({ name: z.string() }));
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';

/** A run of it ends at once, and needs no worker that may run programs. */
const DEFINITION = `name: inspected
steps:
  - id: only
    uses: transform
    with: { answer: 42 }
`;

/**
 * Lists what the server offers and calls tools of it with the Inspector, each by a connection of its own. The listing of
 * tools is checked with `--strict`: a schema that some client could not read fails it.
 */
export async function inspectServer(target: InspectorTarget): Promise<Inspection[]> {
  const done: Inspection[] = [];
  let runId = '';
  const check = async (what: string, look: () => Promise<void>): Promise<void> => {
    const fault = await look().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    done.push({ what, fault });
  };
  const call = (name: string, args: object) => callTool(target, name, args);

  await check('tools/list --strict', async () => {
    const listed = await inspect(target, ['--method', 'tools/list', '--strict']);
    const names = NAMES.parse(listed['tools']).map(({ name }) => name);
    assert.deepEqual(names.sort(), tools.map(({ name }) => name).sort());
  });
  await check('register_workflow', async () => {
    const { text } = await call('register_workflow', { definition: DEFINITION });
    assert.match(text, /^registered inspected@1/);
  });
  await check('list_catalog', async () => {
    const { text } = await call('list_catalog', {});
    assert.match(text, /inspected/);
  });
  await check('start_workflow', async () => {
    const { structured } = await call('start_workflow', { workflow: 'inspected' });
    runId = z.string().parse(structured['run_id']);
  });
  await check('get_workflow', async () => {
    const { text } = await call('get_workflow', { run_id: runId });
    assert.match(text, new RegExp(`^run ${runId} of inspected@1: completed`));
  });
  await check('get_health', async () => {
    const { structured } = await call('get_health', {});
    assert.match(String(structured['status']), /^(ok|degraded)$/);
  });
  await check('a call that is refused', async () => {
    await assert.rejects(call('get_workflow', { run_id: 'unknown' }), /tool_is_error/);
  });
  for (const [method, key, expected] of [
    ['resources/list', 'resources', 'health'],
    ['resources/templates/list', 'resourceTemplates', 'run_history'],
    ['prompts/list', 'prompts', 'plan_workflow'],
  ] as const)
    await check(method, async () => {
      const listed = await inspect(target, ['--method', method]);
      const names = NAMES.parse(listed[key]).map(({ name }) => name);
      assert.ok(names.includes(expected), `${expected} is missing from ${names.join(', ')}`);
    });
  return done;
}

const resultSchema = z.looseObject({
  content: z.tuple([z.looseObject({ type: z.literal('text'), text: z.string() })]),
  structuredContent: z.record(z.string(), z.unknown()).default({}),
});

async function callTool(
  target: InspectorTarget,
  name: string,
  args: object,
): Promise<{ text: string; structured: Record<string, unknown> }> {
  const asked = ['--tool-name', name, '--tool-args-json', JSON.stringify(args)];
  const result = await inspect(target, ['--method', 'tools/call', ...asked]);
  assert.equal(eraOf(result), target.era);
  const { content, structuredContent: structured } = resultSchema.parse(result);
  return { text: content[0].text, structured };
}

/** Which era was spoken in truth: since 2026-07-28 each result names the server. */
function eraOf({ _meta }: Record<string, unknown>): Era {
  return typeof _meta === 'object' && _meta !== null && SERVER_INFO in _meta ? 'modern' : 'legacy';
}
