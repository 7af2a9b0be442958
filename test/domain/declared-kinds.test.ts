import { describe, expect, test } from 'vitest';
import type { KindDeclaration } from '../../src/domain/definition/kind-declaration.ts';
import { parseDefinition, type DefinitionError } from '../../src/domain/definition.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';

const DEPLOY: KindDeclaration = {
  input: {
    type: 'object',
    required: ['to'],
    properties: { to: { enum: ['test', 'live'] }, force: { type: 'boolean' } },
    additionalProperties: false,
  },
  output: { type: 'object', required: ['url'] },
  timeoutMs: 60_000,
  heartbeatMs: 5_000,
  retry: {
    maxAttempts: 3,
    initialDelayMs: 100,
    factor: 2,
    maxDelayMs: 1_000,
    jitter: 'none',
    nonRetryable: [],
  },
  effect: 'keyed',
};
const LOADED = { 'acme.deploy': DEPLOY, 'acme.other': { ...DEPLOY, queue: 'gpu' } };

function release(step: Record<string, Json> = {}, rest: JsonObject = {}): JsonObject {
  const deploy = { id: 'deploy', uses: 'acme.deploy', with: { to: 'live' }, ...step };
  return { name: 'release', steps: [deploy], ...rest };
}

function accepted(value: unknown, loaded?: Record<string, KindDeclaration>) {
  const parsed = parseDefinition(value, loaded);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed;
}

function errorsOf(value: unknown, loaded?: Record<string, KindDeclaration>): DefinitionError[] {
  const parsed = parseDefinition(value, loaded);
  if (parsed.ok) throw new Error('expected mistakes');
  return [...parsed.errors];
}

describe('registering a definition', () => {
  test('pins the declarations of the kinds that it uses, and of no others', () => {
    const { document, plan } = accepted(release(), LOADED);
    expect(JSON.parse(document)).toEqual(release({}, { kinds: { 'acme.deploy': DEPLOY } }));
    expect(plan.steps[0]).toMatchObject({
      uses: 'acme.deploy',
      performer: 'worker',
      queue: 'handler:acme.deploy',
      timeoutMs: 60_000,
      heartbeatMs: 5_000,
      effect: 'keyed',
      retry: { maxAttempts: 3 },
    });
  });

  test('leaves the hash of a definition without such kinds as it was', () => {
    const plain = { name: 'x', steps: [{ id: 'a', uses: 'transform', with: {} }] };
    expect(accepted(plain, LOADED).hash).toBe(accepted(plain).hash);
  });

  test('gives another hash when the declaration has changed, the same when it has not', () => {
    const { hash } = accepted(release(), LOADED);
    expect(accepted(release(), structuredClone(LOADED)).hash).toBe(hash);
    const changed = { 'acme.deploy': { ...DEPLOY, timeoutMs: 61_000 } };
    expect(accepted(release(), changed).hash).not.toBe(hash);
  });

  test('takes a registered document again, and refuses declarations that differ from the loaded ones', () => {
    const first = accepted(release(), LOADED);
    const stored: unknown = JSON.parse(first.document);
    expect(accepted(stored, LOADED).hash).toBe(first.hash);
    const expected = { path: 'kinds', message: expect.stringContaining('leave it out') as string };
    const changed = { 'acme.deploy': { ...DEPLOY, effect: 'pure' as const } };
    expect(errorsOf(stored, changed)).toEqual([expected]);
    expect(errorsOf({ ...release(), kinds: {} }, LOADED)).toEqual([expected]);
    expect(errorsOf(stored, {})).toEqual([
      expected,
      expect.objectContaining({ path: 'steps[0].uses' }),
    ]);
  });

  test('tells a wrong `kinds` together with the other mistakes', () => {
    const value = { ...release({ if: 7 }), kinds: { nonsense: 1 } };
    expect(errorsOf(value, LOADED).map(({ path }) => path)).toEqual(['kinds', 'steps[0].if']);
  });

  test('refuses an unknown kind with the nearest name, and says where kinds with a dot come from', () => {
    expect(errorsOf(release({ uses: 'acme.deplyo' }), LOADED)).toEqual([
      {
        path: 'steps[0].uses',
        message: expect.stringMatching(/no step kind "acme\.deplyo".*setting handlers/) as string,
        suggestion: 'acme.deploy',
      },
    ]);
    expect(errorsOf(release({ uses: 'shel' }), LOADED)).toEqual([
      { path: 'steps[0].uses', message: 'no step kind "shel"', suggestion: 'shell' },
    ]);
  });
});

describe('a registered document', () => {
  const stored = (): unknown => JSON.parse(accepted(release(), LOADED).document);

  test('compiles to the same plan where no handler is loaded', () => {
    const first = accepted(release(), LOADED);
    const again = accepted(stored());
    expect(again.hash).toBe(first.hash);
    expect(again.plan.steps[0]).toMatchObject({ queue: 'handler:acme.deploy', timeoutMs: 60_000 });
    expect(again.plan.steps[0]?.validateInput({ to: 'moon' })).toEqual([
      { path: 'to', message: expect.stringContaining('live') as string },
    ]);
    expect(again.plan.steps[0]?.outputContract?.validate({})).toEqual([
      { path: 'url', message: 'is required' },
    ]);
  });

  test('without the declaration of a kind that it uses is refused', () => {
    expect(errorsOf(release()).map(({ path }) => path)).toEqual(['steps[0].uses']);
  });

  test('with a declaration of the wrong shape, or a schema that is none, is refused with its place', () => {
    const bad = (declaration: object) => ({ ...release(), kinds: { 'acme.deploy': declaration } });
    expect(errorsOf(bad({ ...DEPLOY, timeoutMs: 'x' }))[0]?.path).toBe(
      'kinds["acme.deploy"].timeoutMs',
    );
    expect(errorsOf(bad({ ...DEPLOY, input: { type: 'strin' } }))).toEqual([
      {
        path: 'kinds["acme.deploy"].input',
        message: expect.stringContaining('JSON Schema') as string,
      },
    ]);
  });
});

describe('a step of a declared kind', () => {
  test('may set timeout, heartbeat, retry, effect and its own contract', () => {
    const own = {
      timeout: '2s',
      heartbeat: '1s',
      effect: 'unsafe',
      outputSchema: { type: 'string' },
    };
    const [step] = accepted(release({ ...own, retry: { maxAttempts: 9 } }), LOADED).plan.steps;
    expect(step).toMatchObject({ timeoutMs: 2_000, heartbeatMs: 1_000, effect: 'unsafe' });
    expect(step?.retry).toMatchObject({ maxAttempts: 9, initialDelayMs: 100 });
    expect(step?.outputContract?.validate('fine')).toEqual([]);
  });

  test('waits in a queue that names its kind, also when that declares a queue of its own', () => {
    const [step] = accepted(release({ uses: 'acme.other' }), LOADED).plan.steps;
    expect(step?.queue).toBe('handler:acme.other@gpu');
  });

  test.each<[string, Json, string[]]>([
    ['a missing key', {}, ['steps[0].with.to']],
    ['a wrong value', { to: 'moon' }, ['steps[0].with.to']],
    ['an unknown key', { to: 'live', too: 1 }, ['steps[0].with.too']],
    [
      'a wrong value beside an expression',
      { to: 'moon', force: '${{ input.f }}' },
      ['steps[0].with.to'],
    ],
    ['a missing key beside an expression', { force: '${{ input.f }}' }, ['steps[0].with.to']],
  ])('is refused at registration for %s', (_, input, paths) => {
    expect(errorsOf(release({ with: input }), LOADED).map(({ path }) => path)).toEqual(paths);
  });

  test('is accepted when only an expression can tell', () => {
    for (const input of ['${{ input.all }}', { to: '${{ input.to }}' }])
      expect(accepted(release({ with: input }), LOADED).plan.steps).toHaveLength(1);
  });

  test('is accepted when the value of an expression may choose another branch of the schema', () => {
    const input: JsonObject = {
      anyOf: [
        { required: ['file'] },
        { required: ['text'], properties: { text: { type: 'object' } } },
      ],
    };
    const loaded = { 'acme.deploy': { ...DEPLOY, input } };
    expect(accepted(release({ with: { text: '${{ input.x }}' } }), loaded).plan.steps).toHaveLength(
      1,
    );
    const errors = errorsOf(release({ with: { text: 'x' } }), loaded).map(({ path }) => path);
    expect(errors).toContain('steps[0].with.file');
  });

  test('without `with` has an empty one', () => {
    const loaded = { 'acme.deploy': { ...DEPLOY, input: true } };
    const bare = { name: 'x', steps: [{ id: 'a', uses: 'acme.deploy' }] };
    expect(accepted(bare, loaded).plan.steps[0]?.input.constant).toEqual({});
    expect(errorsOf(bare, LOADED).map(({ path }) => path)).toEqual(['steps[0].with.to']);
  });
});
