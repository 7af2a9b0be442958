import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asCondition, compileExpression } from '../../src/domain/expression/expression.ts';
import type { Json } from '../../src/domain/json.ts';
import type { Scope } from '../../src/domain/expression/scope.ts';
import { scopeOf } from './language-scope.ts';

function evaluate(source: string, scope: Scope = scopeOf({})): Json {
  const compiled = compileExpression(source);
  if (!compiled.ok) throw new Error(compiled.problems.map(({ message }) => message).join('; '));
  const result = compiled.expression.evaluate(scope);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function problemsOf(source: string): readonly { message: string; suggestion?: string }[] {
  const compiled = compileExpression(source);
  return compiled.ok ? [] : compiled.problems;
}

// JSON does not tell -0 from 0.
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);

describe('the scope of an expression', () => {
  const scope = scopeOf(
    { repo: '.', list: [1, 2.5, 'x'], 'a-b': 7, nothing: null },
    { plan: { output: { files: ['a', 'b'] }, attempts: 2, error: { code: 'exit_1' } } },
  );

  test.each<[string, Json]>([
    ['input.repo', '.'],
    ['input.list[1]', 2.5],
    ['input["a-b"]', 7],
    ['input.nothing', null],
    ['steps.plan.status', 'completed'],
    ['steps.plan.output.files[1]', 'b'],
    ['steps["plan"].output.files', ['a', 'b']],
    ['steps.plan.error.code', 'exit_1'],
    ['steps.plan.attempts + 1', 3],
    ['run.id + "/" + run.name', 'r1/release'],
    ['run.startedAt', '2026-01-02T03:04:05Z'],
    ['env.HOME', '/home/ada'],
    ['success() && !failure() && always()', true],
    ['has(input.repo) && !has(input.branch)', true],
    ['"nothing" in input', true],
    ['size(input.list)', 3],
    ['json(input.list)', '[1,2.5,"x"]'],
    ['json("a")', '"a"'],
    ['"a,b,c".split(",", 2)', ['a', 'b,c']],
    ['"a-b-c".replace("-", "+")', 'a+b+c'],
    ['"aaa".replace("a", "b", 2)', 'bba'],
    ['"ab".replace("", "-")', '-a-b-'],
    ['["x", "y"].join("/")', 'x/y'],
    ['"%d files".format([size(steps.plan.output.files)])', '2 files'],
    ['strings.quote("a")', '"a"'],
    ['timestamp(run.startedAt) + duration("1h")', '2026-01-02T04:04:05Z'],
    ['type(input.repo) == string', true],
    ['{"a": {"b": [1, true, null]}}', { a: { b: [1, true, null] } }],
    ['input.list.filter(x, type(x) == string)', ['x']],
    ['[3, 1].map(x, x > 1, x * 2)', [6]],
    [
      '[1, 2].map(x, [10, 20].map(y, x * y))',
      [
        [10, 20],
        [20, 40],
      ],
    ],
    ['{"k": 1}.map(key, key)', ['k']],
    ['[1, 2, 3].exists_one(x, x == 2) && [1].all(x, x > 0)', true],
  ])('%s', (source, expected) => {
    expect(evaluate(source, scope)).toEqual(expected);
  });

  test('is asked only for the steps that the expression names', () => {
    const asked: string[] = [];
    const watched: Scope = {
      ...scope,
      step: (id) => {
        asked.push(id);
        return scope.step(id);
      },
    };
    evaluate('steps.plan.status == "failed" || input.repo == "."', watched);
    evaluate('input.repo', watched);
    expect(asked).toEqual(['plan']);
  });

  test('names the steps it reads and whether it looks at failures', () => {
    const compiled = compileExpression('failure() && steps.a.attempts > steps["b"].attempts');
    expect(compiled.ok && [...compiled.expression.stepIds]).toEqual(['a', 'b']);
    expect(compiled.ok && compiled.expression.readsFailure).toBe(true);
    const plain = compileExpression('success()');
    expect(plain.ok && plain.expression.readsFailure).toBe(false);
  });

  test('answers the run as it is: failed', () => {
    const failed = scopeOf({}, {}, { succeeded: false, failed: true });
    expect(evaluate('[success(), failure(), always()]', failed)).toEqual([false, true, true]);
  });
});

describe('numbers', () => {
  test.each<[string, Json]>([
    ['7 / 2', 3],
    ['7.0 / 2', 3.5],
    ['input.half + 1', 1.5],
    ['1 + input.half', 1.5],
    ['2 * input.half', 1],
    ['input.half * 2 == 1', true],
    ['5 % 1.5', 0.5],
    ['1 - input.half', 0.5],
    ['1 > input.half && input.half < 1', true],
    ['3u + 1u', 4],
    ['9007199254740991', 9007199254740991],
  ])('%s', (source, expected) => {
    expect(evaluate(source, scopeOf({ half: 0.5 }))).toBe(expected);
  });

  test.each([
    ['9007199254740991 + 1', '2^53'],
    ['1.0 / 0.0', 'Infinity'],
    ['1 / 0', 'divide by zero'],
    ['1 + "a"', 'no matching overload'],
    ['b"a"', 'bytes'],
    ['type(1)', 'cannot become JSON'],
    ['{1: 2}', 'a key that is not text'],
    ['{"__proto__": 1}', '"__proto__" is not allowed'],
    ['[1][3]', 'out of bounds'],
    ['input.missing.deep', 'field not found: missing'],
  ])('%s is a clear error: %s', (source, error) => {
    expect(() => evaluate(source)).toThrow(error);
  });

  test('integers compute as they do in JavaScript', () => {
    const small = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(small, small, (a, b) => {
        const scope = scopeOf({ a, b });
        expect(evaluate('input.a + input.b', scope)).toBe(a + b);
        expect(evaluate('input.a * input.b', scope)).toBe(a * b || 0);
        expect(evaluate('input.a < input.b', scope)).toBe(a < b);
      }),
    );
  });
});

describe('values', () => {
  test('any JSON passes through unchanged, alone and inside others', () => {
    fc.assert(
      fc.property(json, (value) => {
        const scope = scopeOf({ value });
        expect(evaluate('input.value', scope)).toEqual(value);
        expect(evaluate('[input.value][0]', scope)).toEqual(value);
        expect(evaluate('{"copy": input.value}.copy', scope)).toEqual(value);
        expect(evaluate('input.value == input.value', scope)).toBe(true);
      }),
    );
  });

  test('a plain path means the same as the same path through CEL', () => {
    const key = fc.constantFrom('a', 'b', 'toString', 'constructor', 'length', 'hasOwnProperty');
    const tree = fc.letrec((tie) => ({
      node: fc.oneof({ depthSize: 'small' }, fc.constantFrom(1, null, 'x', [1]), tie('object')),
      object: fc.dictionary(key, tie('node'), { maxKeys: 3 }),
    }));
    fc.assert(
      fc.property(tree.object, fc.array(key, { minLength: 1, maxLength: 3 }), (object, keys) => {
        // Made of JSON values only.
        const scope = scopeOf(object as Json);
        const path = `input.${keys.join('.')}`;
        const [fast, slow] = [path, `(${path})`].map((source) => {
          const compiled = compileExpression(source);
          return compiled.ok ? compiled.expression.evaluate(scope) : undefined;
        });
        expect(fast?.ok).toBe(slow?.ok);
        if (fast?.ok && slow?.ok) expect(fast.value).toEqual(slow.value);
      }),
    );
  });

  test('nothing of a prototype can be reached', () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString']) {
      expect(() => evaluate(`input.${key}`)).toThrow(`field not found: ${key}`);
      expect(() => evaluate(`input["${key}"]`)).toThrow(`field not found: ${key}`);
      expect(() => evaluate(key)).toThrow(`no variable "${key}"`);
    }
  });

  test('the scope is never changed', () => {
    const input = { list: [1, 2], map: { a: 1 } };
    const before = JSON.stringify(input);
    evaluate('input.list.map(x, x + 1) + input.list.filter(x, x > 1)', scopeOf(input));
    expect(JSON.stringify(input)).toBe(before);
  });
});

describe('a bad expression', () => {
  test.each([
    ['inpt.repo', 'no variable "inpt"', 'input'],
    ['steps.plan.outptu', 'a step has no field "outptu"', 'output'],
    ['run.nme', '"run" has no field "nme"', 'name'],
    ['sucess()', 'no function "sucess"', 'success'],
    ['input.startWith("a")', 'no function "startWith"', 'startsWith'],
    ['input.list.map(item1, itm1)', 'no variable "itm1"', 'item1'],
  ])('%s: %s; did you mean %s?', (source, message, suggestion) => {
    expect(problemsOf(source)).toEqual([{ message, suggestion }]);
  });

  test.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['a +', 'not a CEL expression'],
    ['steps', 'must be followed by a step'],
    ['steps[input.x].output', 'must be followed by a step'],
    ['item.name', 'not available in this version'],
    ['size(1, 2)', 'cannot be called with 2 arguments'],
    ['"a".size(1)', 'cannot be called as a method with 1 arguments'],
    ['success(1)', 'no function "success"'],
    ['[1].map(steps, steps)', 'cannot be named "steps"'],
    ['google.protobuf.Duration{}', 'not supported'],
    ['[1].map(x, x) + x', 'no variable "x"'],
  ])('%j: %s', (source, message) => {
    expect(problemsOf(source).map((problem) => problem.message)).toEqual(
      expect.arrayContaining([expect.stringContaining(message)]),
    );
  });

  test('tells all of its mistakes', () => {
    expect(problemsOf('inpt.a == runn.id && stps()')).toHaveLength(3);
  });

  test('never throws, at compilation or evaluation, whatever the text', () => {
    const token = fc.constantFrom(
      ...'input steps.a.output run env x 1 2.5 "s" [ ] ( ) { } . , : ? + - * / % == < && || ! in map filter'.split(
        ' ',
      ),
      '.map(x, x)',
      'size(',
    );
    const source = fc.oneof(
      fc.string(),
      fc.array(token, { maxLength: 12 }).map((all) => all.join(' ')),
    );
    fc.assert(
      fc.property(source, (text) => {
        const compiled = compileExpression(text);
        if (!compiled.ok) return compiled.problems.length > 0;
        return typeof compiled.expression.evaluate(scopeOf({ a: [1, 'x'] })).ok === 'boolean';
      }),
    );
  });
});

describe('a condition', () => {
  function evaluateCondition(source: string): unknown {
    const compiled = compileExpression(source);
    return compiled.ok ? asCondition(compiled.expression).evaluate(scopeOf({ flag: false })) : {};
  }

  test('is true or false', () => {
    expect(evaluateCondition('input.flag')).toEqual({ ok: true, value: false });
    expect(evaluateCondition('1 < 2')).toEqual({ ok: true, value: true });
  });

  test.each(['1', '"true"', 'null', 'input'])('cannot be %s', (source) => {
    expect(evaluateCondition(source)).toMatchObject({
      ok: false,
      error: expect.stringContaining('must be true or false') as string,
    });
  });
});
