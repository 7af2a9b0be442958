import { describe, expect, test } from 'vitest';
import { kindDeclarationSchema } from '../../src/domain/definition/kind-declaration.ts';
import { defineHandler, StepFailure, z, type Handler } from '../../src/sdk/handler.ts';
import { failureOf } from '../../src/sdk/handler/step-failure.ts';

const run = (): null => null;

describe('defineHandler', () => {
  test('declares every default, so that none can change for a registered definition', () => {
    const { declaration, description } = defineHandler({ kind: 'acme.deploy', run });
    expect(description).toBe('acme.deploy');
    expect(declaration).toEqual({
      input: true,
      timeoutMs: 600_000,
      retry: {
        maxAttempts: 1,
        initialDelayMs: 1_000,
        factor: 2,
        maxDelayMs: 60_000,
        jitter: 'full',
        nonRetryable: [],
      },
      effect: 'idempotent',
    });
  });

  test('declares what it is told, in a form that definitions can pin', () => {
    const { declaration } = defineHandler({
      kind: 'acme.deploy',
      input: z.strictObject({ to: z.string(), at: z.iso.datetime(), id: z.cuid2().optional() }),
      output: { type: 'object', required: ['url'] },
      timeout: '10m',
      heartbeat: 1_500,
      retry: { maxAttempts: 3, initialDelay: '2s' },
      effect: 'keyed',
      queue: 'gpu',
      run,
    });
    expect(declaration).toMatchObject({
      input: {
        type: 'object',
        required: ['to', 'at'],
        // A format the engine knows needs no pattern; one that it does not know is left out.
        properties: { at: { type: 'string', format: 'date-time' }, id: { pattern: '^[0-9a-z]+$' } },
        additionalProperties: false,
      },
      output: { required: ['url'] },
      timeoutMs: 600_000,
      heartbeatMs: 1_500,
      retry: { maxAttempts: 3, initialDelayMs: 2_000, factor: 2 },
      effect: 'keyed',
      queue: 'gpu',
    });
    expect(kindDeclarationSchema.safeParse(declaration).success).toBe(true);
    expect(JSON.stringify(declaration)).not.toMatch(/\$schema|cuid2/);
  });

  test.each<[string, object, RegExp]>([
    [
      'a kind without a dot',
      { kind: 'deploy' },
      /^defineHandler\("deploy"\): kind: .*acme\.deploy/,
    ],
    ['a kind in capitals', { kind: 'Acme.deploy' }, /kind: /],
    ['a kind that Baton keeps', { kind: 'vector.search' }, /kind: is a name that Baton keeps/],
    ['a kind that is no text', { kind: 7 }, /^defineHandler\(\): kind: /],
    ['no function', { run: undefined }, /run: expected a function/],
    ['an unknown key', { timout: '1m' }, /timout/],
    ['a bad duration', { timeout: 'soon' }, /timeout: expected a duration/],
    ['a bad retry', { retry: { maxAttempts: 0 } }, /retry\.maxAttempts: /],
    ['a bad effect', { effect: 'none' }, /effect: /],
    ['a bad queue', { queue: 'a@b' }, /queue: /],
    ['a schema that is none', { input: { type: 'strin' } }, /input: not a JSON Schema/],
    ['a zod schema without a JSON form', { input: z.date() }, /input: Date cannot/],
    ['a pattern that could hang', { output: z.string().regex(/(?=a)b/) }, /output: /],
    [
      'a schema with a prototype key',
      { input: { properties: { constructor: {} } } },
      /not plain JSON/,
    ],
  ])('refuses %s', (_, change, message) => {
    const definition = { kind: 'acme.deploy', run, ...change };
    // Callers in JavaScript may pass anything.
    const call = () => defineHandler(definition as Parameters<typeof defineHandler>[0]);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });

  test('tells every mistake at once', () => {
    const call = () => defineHandler({ kind: 'x', timeout: 'soon', queue: '?', run });
    expect(call).toThrow(/kind: .*; timeout: .*; queue: /);
  });
});

describe('the input of a handler', () => {
  const read = (handler: Handler, value: Parameters<Handler['readInput']>[0]) =>
    handler.readInput(value);

  test('is typed by its zod schema, and has its defaults and refinements', () => {
    const handler = defineHandler({
      kind: 'acme.deploy',
      input: z
        .object({ to: z.string(), times: z.int().default(2) })
        .refine(({ to }) => to !== 'moon'),
      output: z.object({ text: z.string() }),
      // Compiles only if `to` and `times` have their types, and the output is asked for.
      run: (_, { to, times }) => ({ text: to.repeat(times) }),
    });
    expect(read(handler, { to: 'a' })).toEqual({ ok: true, value: { to: 'a', times: 2 } });
    expect(read(handler, { to: 1 })).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^with\.to: /)],
    });
    expect(read(handler, { to: 'moon' })).toMatchObject({ ok: false });
  });

  test('is read by a JSON Schema, with its defaults', () => {
    const properties = { to: { type: 'string' }, times: { type: 'integer', default: 2 } };
    const input = { type: 'object', required: ['to'], properties };
    const handler = defineHandler({ kind: 'acme.deploy', input, run });
    expect(read(handler, { to: 'a' })).toEqual({ ok: true, value: { to: 'a', times: 2 } });
    expect(read(handler, {})).toEqual({ ok: false, problems: ['with.to: is required'] });
    expect(read(handler, 7)).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^with: must be object/)],
    });
  });
});

describe('StepFailure', () => {
  test('carries its code and what is known of the attempt', () => {
    const options = { details: { status: 503 }, retryAfterMs: 5, effectState: 'unknown' } as const;
    expect(failureOf(new StepFailure('busy', 'come back', options))).toEqual({
      code: 'busy',
      message: 'come back',
      ...options,
    });
    expect(failureOf(new StepFailure('gone', 'never', { permanent: true }))).toEqual({
      code: 'gone',
      message: 'never',
      permanent: true,
    });
  });

  test('is told from other errors, and refuses a code that policies could not match', () => {
    expect(failureOf(new Error('x'))).toBeUndefined();
    expect(failureOf('x')).toBeUndefined();
    expect(() => new StepFailure('HTTP 503', 'x')).toThrow(TypeError);
  });
});
