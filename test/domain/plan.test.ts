import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDefinition, type DefinitionError } from '../../src/domain/definition.ts';
import type { Json } from '../../src/domain/json.ts';
import { toMermaid } from '../../src/domain/mermaid.ts';
import type { Plan, PlannedStep } from '../../src/domain/plan.ts';
import { scopeOf } from './language-scope.ts';

type Loose = Readonly<Record<string, unknown>>;

function planOf(steps: readonly Loose[], rest: Loose = {}): Plan {
  const parsed = parseDefinition({ name: 'check', ...rest, steps });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.plan;
}

function errorsOf(steps: readonly Loose[], rest: Loose = {}): readonly DefinitionError[] {
  const parsed = parseDefinition({ name: 'check', ...rest, steps });
  return parsed.ok ? [] : parsed.errors;
}

function only(step: Loose, rest: Loose = {}): PlannedStep {
  const [first] = planOf([{ id: 'a', ...step }], rest).steps;
  if (first === undefined) throw new Error('no step');
  return first;
}

const shell = { uses: 'shell', with: { command: ['npm', 'test'] } };
const noop = { uses: 'transform', with: 1 };

describe('a plan', () => {
  const diamond = planOf([
    { id: 'join', ...noop, needs: ['left', 'right'] },
    { id: 'left', ...shell, needs: ['start'] },
    { id: 'right', ...shell, needs: ['start'] },
    { id: 'start', ...noop },
    { id: 'alone', ...noop },
  ]);

  test('knows the graph by indexes', () => {
    expect(diamond.steps.map(({ needs }) => needs)).toEqual([[1, 2], [3], [3], [], []]);
    expect(diamond.steps.map(({ dependents }) => dependents)).toEqual([[], [0], [0], [1, 2], []]);
    expect(diamond.roots).toEqual([3, 4]);
    expect(diamond.levels).toEqual([2, 1, 1, 0, 0]);
    expect([...diamond.indexOf]).toEqual(diamond.steps.map(({ id, index }) => [id, index]));
    expect(diamond.onFailure).toBe('stop');
  });

  test('agrees with the definition, whatever its graph', () => {
    const graph = fc
      .integer({ min: 1, max: 30 })
      .chain((size) =>
        fc.array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: size, maxLength: size }),
      );
    fc.assert(
      fc.property(graph, (drawn) => {
        const steps = drawn.map((needs, index) => ({
          id: `s${index}`,
          ...noop,
          needs: [...new Set(needs)].filter((need) => need < index).map((need) => `s${need}`),
        }));
        const plan = planOf(steps);
        plan.steps.forEach((step, index) => {
          expect(step.needs.map((need) => `s${need}`)).toEqual(steps[index]?.needs);
          const deepest = Math.max(-1, ...step.needs.map((need) => plan.levels[need] ?? NaN));
          expect(plan.levels[index]).toBe(deepest + 1);
          for (const need of step.needs) expect(plan.steps[need]?.dependents).toContain(index);
        });
      }),
    );
  });

  test('is drawn as a Mermaid graph, coloured by status', () => {
    const text = toMermaid(diamond, (id) => (id === 'start' ? 'completed' : undefined));
    expect(text.split('\n')).toEqual([
      'flowchart TD',
      '  s0["join<br/><small>transform</small>"]',
      '  s1["left<br/><small>shell</small>"]',
      '  s2["right<br/><small>shell</small>"]',
      '  s3["start<br/><small>transform</small>"]:::completed',
      '  s4["alone<br/><small>transform</small>"]',
      '  s1 --> s0',
      '  s2 --> s0',
      '  s3 --> s1',
      '  s3 --> s2',
      expect.stringMatching(/^ {2}classDef completed fill:#/) as string,
    ]);
    expect(toMermaid(diamond)).not.toContain('classDef');
  });
});

describe('a planned step', () => {
  test('of kind shell is run by workers, once and for ten minutes at most, unless told otherwise', () => {
    expect(only(shell)).toMatchObject({
      queue: 'shell:npm',
      timeoutMs: 600_000,
      heartbeatMs: undefined,
      effect: 'idempotent',
      retry: { maxAttempts: 1 },
      condition: undefined,
      runsAfterFailure: false,
      outputContract: undefined,
    });
  });

  test('takes what it does not say from the defaults', () => {
    const defaults = { timeout: '5m', retry: { maxAttempts: 3, factor: 3 } };
    expect(only(shell, { defaults })).toMatchObject({
      timeoutMs: 300_000,
      retry: {
        maxAttempts: 3,
        factor: 3,
        initialDelayMs: 1_000,
        maxDelayMs: 60_000,
        jitter: 'full',
      },
    });
    const own = {
      timeout: '1m',
      heartbeat: '5s',
      effect: 'unsafe',
      retry: {
        maxAttempts: 2,
        jitter: 'none',
        initialDelay: 0,
        maxDelay: '2s',
        nonRetryable: ['exit_2'],
      },
    };
    expect(only({ ...shell, ...own }, { defaults })).toMatchObject({
      timeoutMs: 60_000,
      heartbeatMs: 5_000,
      effect: 'unsafe',
      retry: {
        maxAttempts: 2,
        factor: 3,
        initialDelayMs: 0,
        maxDelayMs: 2_000,
        jitter: 'none',
        nonRetryable: ['exit_2'],
      },
    });
  });

  test.each(['transform', 'wait', 'signal', 'fail'])(
    'of kind %s is run by the engine and untouched by the defaults',
    (uses) => {
      const input = {
        transform: 1,
        wait: { for: '1s' },
        signal: { name: 'go' },
        fail: { message: 'no' },
      };
      const step = { uses, with: input[uses as keyof typeof input] };
      const defaults = { timeout: '1s', retry: { maxAttempts: 9 } };
      expect(only(step, { defaults })).toMatchObject({
        queue: undefined,
        timeoutMs: undefined,
        effect: 'pure',
        retry: { maxAttempts: 1 },
      });
    },
  );

  test.each<[string | boolean, boolean]>([
    ['failure()', true],
    ['${{ always() && input.x == 1 }}', true],
    ["${{ steps.b.status == 'completed' }}", false],
    ['success()', false],
    [false, false],
  ])('with if: %j runs after a failure: %s', (condition, expected) => {
    const plan = planOf([
      { id: 'a', ...noop, needs: ['b'], if: condition },
      { id: 'b', ...noop },
    ]);
    expect(plan.steps[0]?.runsAfterFailure).toBe(expected);
  });

  test('evaluates its condition and its input', () => {
    const step = only({ ...noop, if: '${{ input.n > 1 }}', with: { n: '${{ input.n }}' } });
    expect(step.condition?.evaluate(scopeOf({ n: 2 }))).toEqual({ ok: true, value: true });
    expect(step.input.evaluate(scopeOf({ n: 2 }))).toEqual({ ok: true, value: { n: 2 } });
  });

  test('checks its evaluated input', () => {
    const step = only({ uses: 'shell', with: { command: ['ls', '${{ input.x }}'] } });
    expect(step.validateInput({ command: ['ls', 'a'] })).toEqual([]);
    expect(step.validateInput({ command: ['ls', 1], cwdd: 'x' })).toEqual([
      { path: 'command[1]', message: expect.stringContaining('expected string') as string },
      { path: 'cwdd', message: 'unknown key "cwdd"; did you mean "cwd"?' },
    ]);
    const wait = only({ uses: 'wait', with: { for: '${{ input.x }}' } });
    expect(wait.validateInput({ for: 1_500 })).toEqual([]);
    expect(wait.validateInput({ for: 'soon' })).toHaveLength(1);
  });

  test('checks its output by its contract', () => {
    const step = only({ ...shell, outputSchema: { type: 'array', items: { type: 'string' } } });
    expect(step.outputContract?.validate(['a'])).toEqual([]);
    expect(step.outputContract?.validate(['a', 1])).toEqual([
      { path: '[1]', message: 'must be string' },
    ]);
  });
});

describe('a reference to another step', () => {
  const refer = (id: string): Loose => ({ uses: 'transform', with: `\${{ steps.${id}.output }}` });

  test('may reach through others', () => {
    const steps = [
      { id: 'a', ...noop },
      { id: 'b', ...noop, needs: ['a'] },
      { id: 'c', ...refer('a'), needs: ['b'] },
    ];
    expect(errorsOf(steps)).toEqual([]);
  });

  test('to a step that might not have run yet says what to add', () => {
    const steps = [
      { id: 'a', ...noop },
      { id: 'b', ...refer('a') },
      { id: 'c', ...noop, if: 'steps.b.attempts > 1', needs: ['a'] },
    ];
    expect(errorsOf(steps)).toEqual([
      {
        path: 'steps[1].with',
        message: 'refers to step "a", which might not have run yet: add "a" to steps[1].needs',
      },
      {
        path: 'steps[2].if',
        message: 'refers to step "b", which might not have run yet: add "b" to steps[2].needs',
      },
    ]);
  });

  test('to itself, or to none, is refused', () => {
    expect(errorsOf([{ id: 'build', ...refer('build') }])).toEqual([
      { path: 'steps[0].with', message: 'a step cannot refer to itself ("build")' },
    ]);
    expect(
      errorsOf([
        { id: 'build', ...noop },
        { id: 'b', ...refer('biuld'), needs: ['build'] },
      ]),
    ).toEqual([{ path: 'steps[1].with', message: 'no step "biuld"', suggestion: 'build' }]);
  });

  test('is free in the output of the workflow', () => {
    const plan = planOf([{ id: 'a', ...noop }], { output: { a: '${{ steps.a.output }}' } });
    expect(plan.output?.evaluate(scopeOf({}, { a: { output: 7 } }))).toEqual({
      ok: true,
      value: { a: 7 },
    });
    expect(planOf([{ id: 'a', ...noop }]).output).toBeUndefined();
  });

  test('is checked in linear time when every step refers to the first', () => {
    const steps = Array.from({ length: 5_000 }, (_, at) => ({
      id: `s${at}`,
      ...(at === 0 ? noop : refer('s0')),
      needs: at === 0 ? [] : [`s${at - 1}`],
    }));
    expect(errorsOf(steps)).toEqual([]);
  });
});

describe('the input of a run', () => {
  const input = {
    type: 'object',
    required: ['repo'],
    properties: { repo: { type: 'string' }, branch: { type: 'string', default: 'main' } },
  };
  const plan = planOf([{ id: 'a', ...noop }], { input });

  test('gets its defaults on a copy', () => {
    const given = { repo: '.' };
    expect(plan.prepareInput(given)).toEqual({ ok: true, value: { repo: '.', branch: 'main' } });
    expect(given).toEqual({ repo: '.' });
  });

  test('is refused with every violation', () => {
    expect(plan.prepareInput({ branch: 1 })).toEqual({
      ok: false,
      violations: [
        { path: 'repo', message: 'is required' },
        { path: 'branch', message: 'must be string' },
      ],
    });
  });

  test.each<[Json]>([[null], [[1]], [{ a: 1 }]])('is %j as it is without a schema', (value) => {
    expect(planOf([{ id: 'a', ...noop }]).prepareInput(value)).toEqual({ ok: true, value });
  });
});
