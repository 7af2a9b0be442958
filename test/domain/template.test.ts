import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DefinitionError } from '../../src/domain/definition/definition-error.ts';
import { ExpressionCache } from '../../src/domain/expression/expression-cache.ts';
import type { Json } from '../../src/domain/json.ts';
import { compileTemplate, type Template } from '../../src/domain/expression/template.ts';
import { scopeOf } from './language-scope.ts';

function compile(value: Json): { template: Template; errors: DefinitionError[]; places: string[] } {
  const errors: DefinitionError[] = [];
  const places: string[] = [];
  const template = compileTemplate(value, 'with', {
    cache: new ExpressionCache(),
    onError: (error) => errors.push(error),
    onExpression: (path) => places.push(path),
  });
  return { template, errors, places };
}

const scope = scopeOf(
  { n: 3, list: [1], text: 'x', no: null, map: { a: 1 } },
  { a: { output: 5 } },
);

function evaluate(value: Json): Json {
  const result = compile(value).template.evaluate(scope);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('a template', () => {
  test.each<[string, Json, Json]>([
    ['keeps the type of a whole expression', '${{ input.n }}', 3],
    ['keeps lists', '${{ input.list }}', [1]],
    ['keeps null', '${{ input.no }}', null],
    ['joins parts as text', 'a ${{ input.n }} b ${{ input.text }}', 'a 3 b x'],
    [
      'joins lists, objects and null as JSON',
      '${{ input.list }}${{ input.map }}-${{ input.no }}',
      '[1]{"a":1}-null',
    ],
    ['makes text of an expression with a space around', ' ${{ input.n }}', ' 3'],
    [
      'reaches into lists and objects',
      { a: ['${{ input.n }}', { b: 'n=${{ input.n }}' }] },
      { a: [3, { b: 'n=3' }] },
    ],
    ['leaves other values alone', { a: [1, true, null, 'x'] }, { a: [1, true, null, 'x'] }],
    ['understands braces inside', "${{ {'a': {'b': 1}} }}", { a: { b: 1 } }],
    ['understands closing braces inside strings', '${{ \'}}\' + "}}" }}', '}}}}'],
    ['understands escaped quotes', "${{ 'it\\'s }}' }}", "it's }}"],
    ['understands raw strings', "${{ r'\\' + 'x' }}", '\\x'],
    ['understands triple quotes', "${{ '''a'b}}''' }}", "a'b}}"],
    ['leaves an escaped opening as text', '$${{ input.n }} ${{ input.n }}', '${{ input.n }} 3'],
    ['leaves a lonely dollar and braces', '$ {{ x }} $}', '$ {{ x }} $}'],
  ])('%s', (_, written, expected) => {
    expect(evaluate(written)).toEqual(expected);
  });

  test('is constant without an expression, also when an opening is escaped', () => {
    expect(compile({ a: ['x', 1] }).template).toMatchObject({
      isConstant: true,
      constant: { a: ['x', 1] },
    });
    expect(compile('$${{ x }}').template).toMatchObject({ isConstant: true, constant: '${{ x }}' });
    expect(compile('${{ input.n }}').template).toMatchObject({ isConstant: false });
  });

  test('names its steps, and the place of each expression', () => {
    const { template, places } = compile({
      a: ['${{ steps.a.output }}'],
      'b c': '${{ steps.b.status }}',
    });
    expect([...template.stepIds]).toEqual(['a', 'b']);
    expect(places).toEqual(['with.a[0]', 'with["b c"]']);
  });

  test('reports every mistake with its place', () => {
    expect(compile({ a: '${{ inpt }}', b: ['${{ 1', '${{ }}'] }).errors).toEqual([
      { path: 'with.a', message: 'no variable "inpt"', suggestion: 'input' },
      { path: 'with.b[0]', message: 'a "${{" is not closed by "}}"' },
      { path: 'with.b[1]', message: 'the expression is empty' },
    ]);
  });

  test('answers the error of an expression that fails', () => {
    expect(compile({ a: 'x ${{ input.missing }}' }).template.evaluate(scope)).toEqual({
      ok: false,
      error: 'cannot evaluate `input.missing`: field not found: missing',
    });
  });

  test('refuses a result that is large because of many expressions', () => {
    const large = scopeOf({ text: 'x'.repeat(300_000) });
    const { template } = compile(Array.from({ length: 4 }, () => '${{ input.text }}'));
    expect(template.evaluate(large)).toMatchObject({ ok: false });
  });

  test('any text survives when its openings are escaped', () => {
    const text = fc
      .array(fc.constantFrom('$', '{', '}', '${{', '}}', 'a', "'", ' '))
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, (original) => {
        const { template, errors } = compile(original.replaceAll('${{', '$$${{'));
        expect(errors).toEqual([]);
        expect(template.constant).toBe(original);
      }),
    );
  });

  test('any JSON without an opening is its own value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // What fast-check draws is JSON; its type says so in other words.
        const { template } = compile(value as Json);
        expect(template.isConstant && template.constant).toEqual(value);
      }),
    );
  });
});
