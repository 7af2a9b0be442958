import { describe, expect, it, test } from 'vitest';
import { createTranslate } from '../../../src/http/rest/rest-words.ts';
import { routes } from '../../../src/http/rest/routes/index.ts';
import { tools } from '../../../tools/index.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { restDocument } from '../../../src/http/rest/openapi/rest-document.ts';
import { createAdviceJudge } from './hammer/advice.ts';
import { GREET } from '../../application/definitions.ts';
import { ANNA, createRig } from './rig.ts';

const translate = createTranslate(routes);

test.each([
  [
    'start_workflow {"workflow":"hi","input":{"who":"} \\"x"}}',
    'POST /api/v1/workflows {"type":"hi","input":{"who":"} \\"x"}}',
  ],
  ['await_workflow {"run_id":"r 1"}', 'GET /api/v1/workflows/r%201?wait_seconds=20'],
  ['get_workflow {"run_id":"r1","step":"a"}', 'GET /api/v1/workflows/r1/stages/a'],
  [
    'Did you mean "get_workflow"? get_workflow {"run_id":"r1"} lists the steps.',
    'Did you mean "get_workflow"? GET /api/v1/workflows/r1/stages lists the steps.',
  ],
  [
    'signal_workflow {"run_id":"r1","name":"go","payload":{}}',
    'POST /api/v1/workflows/r1/signal {"name":"go","payload":{}}',
  ],
  [
    'list_catalog lists the workflows; register_workflow adds one.',
    'GET /api/v1/definitions lists the workflows; POST /api/v1/definitions adds one.',
  ],
  ['list_catalog {"kind":"agents"} shows who.', 'GET /api/v1/agents shows who.'],
  ['list_catalog {"kind":"checkpoints"} shows them.', undefined],
  [
    'Call claim_task; explain_workflow.',
    'Call POST /api/v1/tasks/claim; GET /api/v1/workflows/{workflow_id}/explanation.',
  ],
  ['report_task {"task":"t","action":"fail"}', 'POST /api/v1/tasks/t/fail'],
  ['baton inbox lists it.', 'GET /api/v1/approvals lists it.'],
  [
    'Wait (baton explain says which).',
    'Wait (GET /api/v1/workflows/{workflow_id}/explanation says which).',
  ],
  [
    'waits: "Go?". No tool answers it: a person runs "baton approve r1 gate".',
    'waits: "Go?". A person answers it: POST /api/v1/workflows/r1/approvals/gate {"resolution":"chosen"}.',
  ],
  [
    'was handed to people. A person runs "baton report r1 a".',
    'was handed to people. A person answers it: POST /api/v1/workflows/r1/stages/a/answer {"resolution":"completed"}.',
  ],
  ['Repeat it with the same idempotency_key "k".', 'Repeat it with the same Idempotency-Key "k".'],
  [
    '"baton worker" starts one; step start_here is "baton inbox of mine".',
    '"baton worker" starts one; step start_here is "baton inbox of mine".',
  ],
  ['The cursor is not one that this tool gave.', 'The cursor is not one that this operation gave.'],
])('%s', (text, told) => {
  expect(translate(text)).toBe(told);
});

test('every tool but the checkpoints has a counterpart', () => {
  const without = tools
    .map(({ name }) => name)
    .filter((name) => {
      const told = translate(`${name} {"action":"complete"}`);
      return told === undefined || !told.includes('/api/v1/');
    });
  expect(without).toEqual(['checkpoint']);
});

test('the judge of the hammer finds advice that fails', () => {
  const document = restDocument('0.0.0-test', { isExact: true });
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'doc');
  const judge = createAdviceJudge(document, ajv);
  const good = 'POST /api/v1/workflows {"type":"hi"}';
  expect(judge({ next: [good, 'GET /api/v1/workflows/{workflow_id}/stages lists them.'] })).toBe(
    undefined,
  );
  for (const bad of [
    'start_workflow {"workflow":"hi"}',
    'baton inbox lists them.',
    'GET /api/v1/workflow/r1',
    'POST /api/v1/workflows {"workflow":"hi"}',
  ])
    for (const body of [{ next: bad }, { next: [good, bad] }, { reasons: [{ next: bad }] }])
      expect(judge(body)).toContain(bad);
});

describe('an answer', () => {
  it('says what to do next in operations that work as they are written', async () => {
    const rig = createRig();
    const registered = await rig.post('/definitions', { definition: GREET });
    const [next] = registered.field('next') as [string]; // the schema says so
    const [, path = '', body = ''] = /^POST \/api\/v1(\S+) (.*)$/.exec(next) ?? [];
    const started = await rig.post(path, JSON.parse(body));
    expect([started.status, started.field('type')]).toEqual([201, 'greet']);
  });

  it('leaves what a workflow put out as it is', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const said = { next: ['start_workflow'], who: 'baton inbox' };
    const input = { who: JSON.stringify(said) };
    const started = await rig.post('/workflows', { type: 'greet', input });
    expect(started.field('output', 'text')).toBe(`hello ${JSON.stringify(said)}`);
  });

  it('refuses in its own words', async () => {
    const rig = createRig({ caller: ANNA });
    expect((await rig.post('/workflows', { type: 'nobody' })).field('next')).toBe(
      'GET /api/v1/definitions lists the workflows; POST /api/v1/definitions adds one.',
    );
    const resolution = { resolution: 'rejected' };
    await rig.bench.register('name: gated\nsteps: [{ id: a, uses: signal, with: { name: go } }]');
    const id = await rig.bench.start('gated');
    const unknown = await rig.post(`/workflows/${id}/approvals/x`, resolution);
    expect(unknown.field('next')).toBe('GET /api/v1/approvals lists what waits for people.');
    const local = createRig({ bench: rig.bench });
    const nobody = await local.post(`/workflows/${id}/approvals/x`, resolution);
    expect(nobody.field('next')).toContain('Authorization: Bearer');
  });
});
