import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDefinition, type DefinitionError } from '../../src/domain/definition.ts';
import { MAX_REPORTED_ERRORS, MAX_STEPS } from '../../src/domain/definition/definition-limits.ts';

type Loose = Readonly<Record<string, unknown>>;

const noop = { uses: 'transform', with: 1 };
const valid = { name: 'check', steps: [{ id: 'a', ...noop }] };

function errorsOf(value: unknown): readonly DefinitionError[] {
  const parsed = parseDefinition(value);
  return parsed.ok ? [] : parsed.errors;
}

function withStep(step: Loose): Loose {
  return { name: 'check', steps: [{ id: 'a', ...step }] };
}

function shell(input: Loose): Loose {
  return withStep({ uses: 'shell', with: { command: ['ls'], ...input } });
}

describe('a definition', () => {
  test('is identified by its content, not by the order of its keys', () => {
    const one = parseDefinition(valid);
    const other = parseDefinition({
      steps: [{ with: 1, uses: 'transform', id: 'a' }],
      name: 'check',
    });
    expect(one.ok && one.document).toBe(
      '{"name":"check","steps":[{"id":"a","uses":"transform","with":1}]}',
    );
    expect(one.ok && one.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(other).toMatchObject({ ok: true, hash: one.ok && one.hash });
    const changed = parseDefinition({ ...valid, description: 'x' });
    expect(changed.ok && changed.hash).not.toBe(one.ok && one.hash);
  });

  test('can be read again from its document', () => {
    const first = parseDefinition({ ...valid, output: '${{ steps.a.output }}' });
    if (!first.ok) throw new Error('refused');
    const second = parseDefinition(JSON.parse(first.document));
    expect(second).toMatchObject({ ok: true, document: first.document, hash: first.hash });
    expect(second.ok && second.plan.hash).toBe(first.hash);
  });

  test('of everything this version knows is accepted', () => {
    const parsed = parseDefinition({
      name: 'release-check_2',
      description: 'Lint and test',
      input: { type: 'object', properties: { repo: { type: 'string' } } },
      defaults: { timeout: '5m', retry: { maxAttempts: 3 } },
      onFailure: 'continue',
      steps: [
        {
          id: 'lint',
          uses: 'shell',
          description: 'Lint',
          with: {
            command: ['npm', 'run', '${{ input.repo }}'],
            cwd: '${{ input.repo }}',
            env: { CI: '1' },
            stdin: 'x',
            parse: 'json',
            successCodes: [0, 1],
            grace: '2s',
          },
          timeout: '10m',
          heartbeat: '30s',
          retry: {
            maxAttempts: 3,
            initialDelay: '1s',
            factor: 2,
            maxDelay: '1m',
            jitter: 'full',
            nonRetryable: ['exit_2'],
          },
          effect: 'keyed',
          outputSchema: { type: 'object' },
        },
        { id: 'gate', uses: 'signal', needs: ['lint'], with: { name: 'go' }, timeout: '1h' },
        { id: 'pause', uses: 'wait', with: { for: '${{ input.pause }}' } },
        { id: 'until', uses: 'wait', with: { until: '2026-12-01T00:00:00+01:00' } },
        {
          id: 'no',
          uses: 'fail',
          if: "${{ steps.lint.status == 'failed' }}",
          needs: ['lint'],
          with: { message: 'x', code: 'lint_failed' },
        },
        {
          id: 'report',
          uses: 'transform',
          needs: ['gate', 'no'],
          if: 'always()',
          with: { lint: '${{ steps.lint.output }}' },
        },
      ],
      output: { report: '${{ steps.report.output }}' },
    });
    expect(parsed).toMatchObject({ ok: true });
  });

  test('never makes the reader throw, whatever it is', () => {
    const key = fc.constantFrom(
      'name',
      'steps',
      'id',
      'uses',
      'with',
      'needs',
      'if',
      'retry',
      'input',
      'output',
      'command',
      '__proto__',
    );
    const text = fc.constantFrom(
      'a',
      'shell',
      'wait',
      '${{ input.x }}',
      '${{ ',
      'always()',
      '5m',
      '',
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'medium' },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('node'), { maxLength: 3 }),
      object: fc.dictionary(key, tie('node'), { maxKeys: 5 }),
    }));
    const steps = fc.array(tree.object, { minLength: 1, maxLength: 3 });
    const definition = fc
      .tuple(tree.object, steps)
      .map(([top, list]) => ({ ...top, name: 'x', steps: list }));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), tree.node, definition), (value) => {
        const parsed = parseDefinition(value);
        return parsed.ok || parsed.errors.length > 0;
      }),
    );
  });
});

describe('a mistake in a definition', () => {
  test('is told with its place and the nearest valid name, all at once', () => {
    const errors = errorsOf({
      name: 'Check It',
      stepz: [],
      onFailure: 'continu',
      steps: [
        { id: 'test', uses: 'shel', with: { command: ['npm', '${{ inpt.x }}'] } },
        {
          id: 'lint',
          uses: 'shell',
          with: { command: ['npm'], parse: 'jsn', cwdd: 1 },
          timout: '5m',
        },
        { id: 'join', ...noop, needs: ['tset', 'lint'], if: 'steps.lint.outptu == sucess()' },
      ],
      output: '${{ steps.jion.output }}',
    });
    expect(errors).toEqual([
      { path: 'name', message: expect.stringContaining('lower case') as string },
      {
        path: 'onFailure',
        message: '"continu" is not one of stop, continue',
        suggestion: 'continue',
      },
      { path: 'steps[1].timout', message: 'unknown key "timout"', suggestion: 'timeout' },
      { path: 'stepz', message: 'unknown key "stepz"', suggestion: 'steps' },
      { path: 'steps[2].needs[0]', message: 'no step "tset"', suggestion: 'test' },
      { path: 'steps[0].uses', message: 'no step kind "shel"', suggestion: 'shell' },
      { path: 'steps[0].with.command[1]', message: 'no variable "inpt"', suggestion: 'input' },
      {
        path: 'steps[1].with.parse',
        message: '"jsn" is not one of text, json, lines',
        suggestion: 'json',
      },
      { path: 'steps[1].with.cwdd', message: 'unknown key "cwdd"', suggestion: 'cwd' },
      { path: 'steps[2].if', message: 'a step has no field "outptu"', suggestion: 'output' },
      { path: 'steps[2].if', message: 'no function "sucess"', suggestion: 'success' },
      { path: 'output', message: 'no step "jion"', suggestion: 'join' },
    ]);
  });

  test.each<[string, unknown, DefinitionError[]]>([
    ['no object', 'name: x', [{ path: '', message: 'a definition is an object' }]],
    ['nothing', undefined, [{ path: '', message: 'undefined is not a JSON value' }]],
    ['no name', { steps: valid.steps }, [{ path: 'name', message: 'is required' }]],
    ['no steps', { name: 'x' }, [{ path: 'steps', message: 'is required' }]],
    [
      'empty steps',
      { name: 'x', steps: [] },
      [{ path: 'steps', message: 'needs at least one step' }],
    ],
    [
      'a step without id and kind',
      { name: 'x', steps: [{ with: 1 }] },
      [
        { path: 'steps[0].id', message: 'is required' },
        { path: 'steps[0].uses', message: 'is required' },
      ],
    ],
    [
      'a step that is text',
      { name: 'x', steps: ['a'] },
      [{ path: 'steps[0]', message: expect.stringContaining('expected object') as string }],
    ],
    [
      'a hyphen in an id',
      { name: 'x', steps: [{ id: 'a-b', ...noop }] },
      [{ path: 'steps[0].id', message: expect.stringContaining('underscores') as string }],
    ],
    [
      'two steps of one id',
      {
        name: 'x',
        steps: [
          { id: 'a', ...noop },
          { id: 'a', ...noop },
        ],
      },
      [{ path: 'steps[1].id', message: '"a" is already steps[0]' }],
    ],
    [
      'a step that needs itself',
      withStep({ ...noop, needs: ['a'] }),
      [{ path: 'steps[0].needs[0]', message: 'a step cannot need itself' }],
    ],
    [
      'a bad duration',
      withStep({ uses: 'signal', with: { name: 'x' }, timeout: '5 minutes' }),
      [{ path: 'steps[0].timeout', message: expect.stringContaining('"1h30m"') as string }],
    ],
    [
      'a bad retry',
      {
        name: 'x',
        steps: [
          {
            id: 'a',
            uses: 'shell',
            with: { command: ['ls'] },
            retry: { maxAttempts: 0, jiter: 1 },
          },
        ],
      },
      [
        { path: 'steps[0].retry.maxAttempts', message: expect.stringContaining('>=1') as string },
        { path: 'steps[0].retry.jiter', message: 'unknown key "jiter"', suggestion: 'jitter' },
      ],
    ],
    [
      'a schema that is none',
      { ...valid, input: { type: 'strin' } },
      [{ path: 'input', message: expect.stringContaining('not a JSON Schema') as string }],
    ],
    [
      'an output schema that is none',
      withStep({ ...noop, outputSchema: { typo: 1 } }),
      [
        {
          path: 'steps[0].outputSchema',
          message: expect.stringContaining('unknown keyword') as string,
        },
      ],
    ],
    [
      'a condition in two parts',
      withStep({ ...noop, if: '${{ input.a }} == 1' }),
      [{ path: 'steps[0].if', message: expect.stringContaining('one expression') as string }],
    ],
    [
      'a class',
      { ...valid, output: new Map() },
      [{ path: 'output', message: 'an instance of a class is not a JSON value' }],
    ],
    [
      'a number JSON does not have',
      { ...valid, output: { a: [Infinity] } },
      [{ path: 'output.a[0]', message: 'Infinity is not a JSON value' }],
    ],
  ])('%s', (_, value, expected) => {
    expect(errorsOf(value)).toEqual(expected);
  });

  test.each([
    [
      '__proto__',
      '{"name":"x","steps":[{"id":"a","uses":"transform","with":{"__proto__":{"x":1}}}]}',
      'steps[0].with.__proto__',
    ],
    ['constructor', '{"name":"x","constructor":1,"steps":[]}', 'constructor'],
    [
      'prototype',
      '{"name":"x","steps":[],"input":{"properties":{"prototype":{}}}}',
      'input.properties.prototype',
    ],
  ])('the key %s, anywhere', (key, document, path) => {
    expect(errorsOf(JSON.parse(document))).toEqual([
      { path, message: `the key "${key}" is not allowed` },
    ]);
  });

  test('steps that wait for one another, named in order', () => {
    const steps = [
      { id: 'a', ...noop, needs: ['c'] },
      { id: 'b', ...noop, needs: ['a'] },
      { id: 'c', ...noop, needs: ['b'] },
      { id: 'd', ...noop },
    ];
    expect(errorsOf({ name: 'x', steps })).toEqual([
      {
        path: 'steps[0].needs',
        message: 'the steps wait for one another: a needs c needs b needs a',
      },
    ]);
  });

  test('beyond a hundred mistakes they are counted', () => {
    const steps = Array.from({ length: 150 }, (_, at) => ({ id: `s${at}`, ...noop, needs: ['x'] }));
    const errors = errorsOf({ name: 'x', steps });
    expect(errors).toHaveLength(MAX_REPORTED_ERRORS + 1);
    expect(errors.at(-1)).toEqual({ path: '', message: 'and 50 more' });
  });
});

describe('what comes in a later version is refused with these words', () => {
  test.each([
    ['concurrency', { ...valid, concurrency: {} }, 'concurrency'],
    ['budget', { ...valid, budget: {} }, 'budget'],
    ['compensation of a run', { ...valid, onFailure: 'compensate' }, 'onFailure'],
    ['compensation of a step', withStep({ ...noop, compensate: {} }), 'steps[0].compensate'],
    ['queues', withStep({ ...noop, queue: 'x' }), 'steps[0].queue'],
    ['votes', withStep({ uses: 'vote', with: {} }), 'steps[0].uses'],
    ['boards', withStep({ uses: 'vikunja.create_task', with: {} }), 'steps[0].uses'],
    ['items', withStep({ uses: 'transform', with: '${{ item }}' }), 'steps[0].with'],
  ])('%s', (_, value, path) => {
    expect(errorsOf(value)).toEqual([
      { path, message: expect.stringContaining('is not available in this version') as string },
    ]);
  });

  test('groups of steps, without asking for their kind', () => {
    const group = {
      id: 'a',
      forEach: '${{ input.x }}',
      maxParallel: 2,
      steps: [{ id: 'b', ...noop }],
    };
    expect(errorsOf({ name: 'x', steps: [group] }).map(({ path }) => path)).toEqual([
      'steps[0].forEach',
      'steps[0].maxParallel',
      'steps[0].steps',
    ]);
  });
});

describe('the input of a step', () => {
  test.each<[string, Loose, string, string]>([
    ['a missing command', withStep({ uses: 'shell' }), 'steps[0].with.command', 'is required'],
    ['an empty command', shell({ command: [] }), 'steps[0].with.command', 'at least the binary'],
    [
      'a command as text',
      shell({ command: 'npm test' }),
      'steps[0].with.command',
      'must be a list',
    ],
    [
      'a binary by expression',
      shell({ command: ['${{ input.x }}'] }),
      'steps[0].with.command[0]',
      'cannot hold an expression',
    ],
    ['an empty binary', shell({ command: [' '] }), 'steps[0].with.command[0]', 'cannot be empty'],
    [
      'all of it by expression',
      withStep({ uses: 'shell', with: '${{ input.x }}' }),
      'steps[0].with',
      'must be written out',
    ],
    ['a code out of range', shell({ successCodes: [256] }), 'steps[0].with.successCodes[0]', '255'],
    ['a number for text', shell({ env: { A: 1 } }), 'steps[0].with.env.A', 'expected string'],
    ['neither for nor until', withStep({ uses: 'wait', with: {} }), 'steps[0].with', 'exactly one'],
    [
      'both for and until',
      withStep({ uses: 'wait', with: { for: '${{ input.x }}', until: '${{ input.y }}' } }),
      'steps[0].with',
      'exactly one',
    ],
    [
      'a bad date',
      withStep({ uses: 'wait', with: { until: 'tomorrow' } }),
      'steps[0].with.until',
      'RFC 3339',
    ],
    [
      'a bad wait',
      withStep({ uses: 'wait', with: { for: 'long' } }),
      'steps[0].with.for',
      '"1h30m"',
    ],
    ['a signal without name', withStep({ uses: 'signal' }), 'steps[0].with.name', 'is required'],
    [
      'a fail with a bad code',
      withStep({ uses: 'fail', with: { message: 'x', code: 'A B' } }),
      'steps[0].with.code',
      'lower case',
    ],
    ['a transform of nothing', withStep({ uses: 'transform' }), 'steps[0].with', 'is required'],
    [
      'a time-out where it means nothing',
      withStep({ ...noop, timeout: '5m' }),
      'steps[0].timeout',
      'no meaning',
    ],
    [
      'a retry where it means nothing',
      withStep({ ...noop, retry: { maxAttempts: 2 } }),
      'steps[0].retry',
      'no meaning',
    ],
  ])('refuses %s', (_, value, path, message) => {
    const errors = errorsOf(value).filter((error) => error.path === path);
    expect(errors.map((error) => error.message)).toContainEqual(expect.stringContaining(message));
  });

  test.each<[string, Loose]>([
    ['a list of codes', shell({ successCodes: '${{ input.codes }}' })],
    ['a choice', shell({ parse: '${{ input.parse }}' })],
    ['a number in a list', shell({ successCodes: [0, '${{ input.code }}'] })],
    ['part of a duration', withStep({ uses: 'wait', with: { for: '${{ input.n }}s' } })],
  ])('leaves an expression for %s to the run', (_, value) => {
    expect(errorsOf(value)).toEqual([]);
  });
});

test('a mistake that is found twice is told once', () => {
  expect(errorsOf(withStep({ uses: 'wait', with: {} }))).toHaveLength(1);
});

describe('limits', () => {
  test('of steps', () => {
    const steps = Array.from({ length: MAX_STEPS + 1 }, (_, at) => ({ id: `s${at}`, ...noop }));
    expect(errorsOf({ name: 'x', steps })).toEqual([
      { path: 'steps', message: `a definition has at most ${MAX_STEPS} steps` },
    ]);
    expect(errorsOf({ name: 'x', steps: steps.slice(1) })).toEqual([]);
  });

  test('of the document', () => {
    const [error] = errorsOf({ ...valid, output: 'x'.repeat(1024 * 1024) });
    expect(error?.message).toContain('1048576 characters');
  });

  test('of nesting', () => {
    let output: unknown = 1;
    for (let depth = 0; depth < 100; depth++) output = [output];
    expect(errorsOf({ ...valid, output })).toMatchObject([{ message: 'nested too deeply' }]);
  });
});
