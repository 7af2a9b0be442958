import { describe, expect, test } from 'vitest';
import { compileExpression } from '../../src/domain/expression/expression.ts';
import { ExpressionCache } from '../../src/domain/expression/expression-cache.ts';
import {
  MAX_EXPRESSIONS,
  MAX_EXPRESSION_LENGTH,
  MAX_EXPRESSION_TEXT,
  MAX_LOOP_ITEMS,
} from '../../src/domain/expression/expression-limits.ts';
import type { Json } from '../../src/domain/json.ts';
import { scopeOf } from './language-scope.ts';

function problemOf(source: string): string {
  const compiled = compileExpression(source);
  return compiled.ok ? 'none' : compiled.problems.map(({ message }) => message).join('; ');
}

function evaluate(source: string, input: Json): Json {
  const compiled = compileExpression(source);
  if (!compiled.ok) throw new Error(problemOf(source));
  const result = compiled.expression.evaluate(scopeOf(input));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const items = Array.from({ length: MAX_LOOP_ITEMS }, (_, at) => at);
const megabyte = 'x'.repeat(1_000_000);

describe('refused at registration', () => {
  test.each([
    ['text', `"${'x'.repeat(MAX_EXPRESSION_LENGTH)}"`, 'characters'],
    ['nesting of brackets', '('.repeat(1_500) + '1' + ')'.repeat(1_500), 'nested too deeply'],
    ['depth of the tree', `1${'+1'.repeat(200)}`, 'nested too deeply'],
    ['parts', `[${'1,'.repeat(1_200)}1]`, 'more than 1000 parts'],
    ['loops in loops', '[1].map(a, [1].map(b, [1].map(c, c)))', 'nested 2 deep at most'],
  ])('too much: %s', (_, source, message) => {
    expect(problemOf(source)).toContain(message);
  });

  test('loops one after the other are not nested', () => {
    expect(problemOf('[1].map(a, a).filter(b, b > 0).map(c, c).exists(d, d == 1)')).toBe('none');
  });

  test('too many expressions, and too much text of them together', () => {
    const many = new ExpressionCache();
    for (let at = 0; at < MAX_EXPRESSIONS; at++) many.compile('input.a');
    expect(many.compile('input.a')).toMatchObject({ ok: false });
    const long = new ExpressionCache();
    const source = (at: number): string => `${at} == ${' '.repeat(4_000)}1`;
    const count = Math.floor(MAX_EXPRESSION_TEXT / source(10).length);
    for (let at = 10; at < 10 + count; at++) expect(long.compile(source(at)).ok).toBe(true);
    expect(long.compile(source(999))).toMatchObject({ ok: false });
    expect(long.compile(source(10)).ok).toBe(true);
  });

  test('a source is compiled once', () => {
    const cache = new ExpressionCache();
    expect(cache.compile('1 + 1')).toBe(cache.compile('1 + 1'));
  });
});

describe('stopped at evaluation', () => {
  test.each<[string, string, Json]>([
    ['a loop in a loop over long lists', 'input.all(x, input.all(y, x + y >= 0))', items],
    ['a search in a loop', 'input.all(x, x in input)', items],
    ['equality in a loop', 'input.all(x, input == input)', items],
    ['slow functions in a loop', 'input.a.map(x, input.s.lowerAscii())', { a: items, s: megabyte }],
    ['patterns in a loop', 'input.map(x, "x".matches("(a{1,1000})b"))', items],
    ['time zones in a loop', 'input.map(x, timestamp(x).getHours("Europe/Paris"))', items],
    ['what || would swallow', 'input.all(x, x in input) || true', items],
    ['lists that double', `[[1]]${'.map(a, a + a)'.repeat(40)}.size()`, null],
  ])('%s', (_, source, input) => {
    expect(() => evaluate(source, input)).toThrow('costs too much');
  });

  test.each<[string, string, Json, string]>([
    ['too many items', 'input.map(x, x)', [...items, 1], 'at most 10000 items'],
    ['text that doubles', `[input]${'.map(a, a + a)'.repeat(30)}`, megabyte, 'characters'],
    ['text that grows', 'input.replace("x", "yyyy")', megabyte, 'too long'],
    ['trees that double', `[[1]]${'.map(a, [a, a])'.repeat(40)}`, null, 'larger than'],
    ['a large input many times', '[input, input]', megabyte, 'larger than'],
    ['a pattern over long text', 'input.matches("x")', megabyte, 'matches() takes at most'],
    ['a long pattern', `"a".matches("${'a'.repeat(300)}")`, null, 'matches() takes at most'],
    ['a loop over no list', '(1).map(x, x)', null, 'only lists and maps'],
  ])('%s', (_, source, input, message) => {
    expect(() => evaluate(source, input)).toThrow(message);
  });

  test('an evaluation that was too costly leaves nothing behind for the next one', () => {
    expect(() => evaluate('input.all(x, x in input)', items)).toThrow('costs too much');
    expect(evaluate('input.all(x, x >= 0)', items)).toBe(true);
  });
});

describe('allowed', () => {
  test('a loop over as many items as there may be', () => {
    expect(evaluate('input.map(x, x * 2).filter(x, x % 4 == 0).size()', items)).toBe(5_000);
  });

  test('a pattern over a thousand file names', () => {
    const files = items.slice(0, 1_000).map((at) => `src/file-${at}.ts`);
    expect(evaluate('input.filter(f, f.matches(".*-1..[.]ts$")).size()', files)).toBe(100);
  });
});
