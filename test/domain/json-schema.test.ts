import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import {
  compileJsonSchema,
  MAX_VIOLATIONS,
  type JsonSchemaValidator,
} from '../../src/domain/definition/json-schema.ts';

function compile(schema: Json): JsonSchemaValidator {
  const compiled = compileJsonSchema(schema);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.validator;
}

function refusal(schema: Json): string {
  const compiled = compileJsonSchema(schema);
  return compiled.ok ? 'none' : compiled.error;
}

const many = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('a check', () => {
  const TOO_LARGE = [{ path: '', message: 'is too large to be checked against its schema' }];

  test('tells duplicates by their value, whatever the order of their keys', () => {
    const contract = compile({ properties: { list: { uniqueItems: true } } });
    expect(contract.validate({ list: [1, '1', null, [1], { a: 1, b: 2 }, { a: 1 }] })).toEqual([]);
    for (const list of [
      [1, 2, 1],
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ],
    ])
      expect(contract.validate({ list })).toEqual([
        { path: 'list', message: 'must NOT have duplicate items' },
      ]);
    expect(compile({ uniqueItems: false }).validate([1, 1])).toEqual([]);
  });

  test('finds duplicates among many lists, and checks a large value of a modest schema', () => {
    const unique = compile({ uniqueItems: true });
    const lists = many(100_000, (index) => [index]);
    expect(unique.validate(lists)).toEqual([]);
    expect(unique.validate([...lists, [7]])).toHaveLength(1);
    const properties = { file: { type: 'string', pattern: '^x' }, line: { enum: [1, 2, 3] } };
    const findings = compile({ items: { type: 'object', required: ['file'], properties } });
    expect(findings.validate(many(30_000, (index) => ({ file: `x${index}`, line: 1 })))).toEqual(
      [],
    );
  });

  test.each<[string, Json, Json]>([
    [
      'branches that repeat each other',
      { allOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }] },
      many(60, () => 0).reduce<Json>((inner) => [inner], []),
    ],
    [
      'alternatives that all fail',
      { items: { anyOf: many(500, (index) => ({ const: `z${index}` })) } },
      many(20_000, (index) => index),
    ],
    [
      'many patterns and many names',
      { patternProperties: Object.fromEntries(many(500, (index) => [`^a+b${index}`, true])) },
      Object.fromEntries(many(20_000, (index) => [`aaaa${index}`, 1])),
    ],
    [
      'a long list of allowed values',
      { items: { enum: many(4_900, (index) => `k${index}`) } },
      many(100_000, () => 'k4899'),
    ],
  ])('that would take too long is given up: %s', (_, schema, value) => {
    expect(compile(schema).validate(value)).toEqual(TOO_LARGE);
    expect(compile(schema).validate([])).toEqual([]);
  });
});

describe('a JSON Schema', () => {
  const schema = {
    type: 'object',
    required: ['repo', 'files'],
    additionalProperties: false,
    properties: {
      repo: { type: 'string' },
      branch: { type: 'string', default: 'main' },
      level: { enum: ['low', 'high'] },
      files: {
        type: 'array',
        items: { type: 'object', properties: { 'a b': { type: 'integer' } } },
      },
    },
  };

  test('reports all violations with their places', () => {
    const value = { level: 'mid', files: [{ 'a b': 1 }, { 'a b': 'x' }], extra: 1 };
    expect(compile(schema).validate(value)).toEqual([
      { path: 'repo', message: 'is required' },
      { path: 'extra', message: 'is not allowed' },
      { path: 'level', message: 'must be equal to one of the allowed values: ["low","high"]' },
      { path: 'files[1]["a b"]', message: 'must be integer' },
    ]);
  });

  test('accepts what is valid and never changes it', () => {
    const value = { repo: '.', files: [] };
    expect(compile(schema).validate(value)).toEqual([]);
    expect(value).toEqual({ repo: '.', files: [] });
  });

  test('fills in defaults on a copy', () => {
    const value = { repo: '.' };
    expect(compile(schema).withDefaults(value)).toEqual({ repo: '.', branch: 'main' });
    expect(value).toEqual({ repo: '.' });
  });

  test('may be true or false', () => {
    expect(compile(true).validate(1)).toEqual([]);
    expect(compile(false).validate(1)).not.toEqual([]);
  });

  test('tells a bounded number of violations and counts the rest', () => {
    const values = Array.from({ length: 100 }, () => 'x');
    const violations = compile({ type: 'array', items: { type: 'integer' } }).validate(values);
    expect(violations).toHaveLength(MAX_VIOLATIONS + 1);
    expect(violations.at(-1)).toEqual({ path: '', message: 'and 80 more' });
  });

  test('may refer to itself', () => {
    const tree = compile({
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } }, n: { $ref: '#/$defs/n' } },
      $defs: { n: { type: 'integer' } },
    });
    expect(tree.validate({ n: 1, children: [{ children: [{ n: 'x' }] }] })).toEqual([
      { path: 'children[0].children[0].n', message: 'must be integer' },
    ]);
  });

  test('of draft-07 is read as such', () => {
    const $schema = 'http://json-schema.org/draft-07/schema#';
    const tuple = compile({
      $schema,
      type: 'array',
      items: [{ type: 'integer' }, { type: 'string' }],
    });
    expect(tuple.validate([1, 'a'])).toEqual([]);
    expect(tuple.validate(['a', 'a'])).toEqual([{ path: '[0]', message: 'must be integer' }]);
  });

  test('checks formats and patterns', () => {
    const dated = compile({ type: 'string', format: 'date-time' });
    expect(dated.validate('2026-01-02T03:04:05Z')).toEqual([]);
    expect(dated.validate('yesterday')).toHaveLength(1);
    const named = compile({ type: 'string', pattern: '^[a-z]+$' });
    expect(named.validate('abc')).toEqual([]);
    expect(named.validate('ABC')).toHaveLength(1);
  });

  test('two schemas of the same content do not disturb one another', () => {
    const first = compile({ type: 'integer' });
    const second = compile({ type: 'integer' });
    expect([first.validate('x').length, second.validate('x').length]).toEqual([1, 1]);
  });
});

describe('a JSON Schema is refused', () => {
  test.each<[string, Json, string]>([
    ['that is no object', [], 'is an object'],
    ['with a keyword that does not exist', { typo: 'string' }, 'unknown keyword'],
    [
      'with a type that does not exist',
      { properties: { a: { type: 'strin' } } },
      'properties.a.type',
    ],
    ['with a format that does not exist', { type: 'string', format: 'dat' }, 'unknown format'],
    [
      'that refers to the network',
      { $ref: 'https://example.test/x.json' },
      'not inside the schema',
    ],
    [
      'that refers to a file',
      { properties: { a: { $ref: 'file:///etc/x' } } },
      'not inside the schema',
    ],
    ['that refers to nothing', { $ref: '#/$defs/x' }, "can't resolve reference"],
    ['with an anchor', { $anchor: 'a' }, 'not supported'],
    ['with a pattern RE2 does not have', { type: 'string', pattern: '(?=a)' }, 'not supported'],
    ['with a long pattern', { type: 'string', pattern: 'a'.repeat(300) }, 'at most 256'],
    ['of an unknown dialect', { $schema: 'https://example.test/s' }, 'draft-07 or 2020-12'],
    ['with very many parts', { enum: Array.from({ length: 6_000 }, (_, at) => at) }, 'too large'],
  ])('%s', (_, schema, message) => {
    expect(refusal(schema)).toContain(message);
  });

  test('whose references double at every level', () => {
    const $defs: { [name: string]: Json } = { d40: { type: 'integer' } };
    for (let at = 0; at < 40; at++) {
      const next = { $ref: `#/$defs/d${at + 1}` };
      $defs[`d${at}`] = { anyOf: [next, next] };
    }
    expect(refusal({ $defs, $ref: '#/$defs/d0' })).toContain('too large');
  });

  test('nested beyond reason', () => {
    let schema: Json = {};
    for (let at = 0; at < 100; at++) schema = { not: schema };
    expect(refusal(schema)).toContain('nested too deeply');
  });

  test('a schema that refers to itself without end is an error, not a crash', () => {
    const endless = { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' };
    expect(refusal(endless)).toContain('refers to itself without end');
    const around = { $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' };
    expect(compile(around).validate(1)).toEqual([
      { path: '', message: 'nested too deeply to be checked' },
    ]);
    expect(compile(around).withDefaults(1)).toBe(1);
  });

  test('a pattern that hangs other engines is matched at once', () => {
    const slow = compile({ type: 'string', pattern: '^(a+)+$' });
    expect(slow.validate(`${'a'.repeat(5_000)}!`)).toHaveLength(1);
  });
});
