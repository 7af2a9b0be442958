import fc from 'fast-check';
import { getNodeValue } from 'jsonc-parser';
import { describe, expect, test } from 'vitest';
import { readConfigurationText } from '../../src/cli/connect/configuration-text.ts';
import { changeEntry, type EntryRequest } from '../../src/cli/connect/entry-change.ts';
import { parsed, removeValue, setValue } from '../../src/cli/connect/json-edit.ts';
import { opencode } from '../../src/cli/connect/opencode.ts';
import { isJsonObject, type Json } from '../../src/domain/json.ts';

const ADD: EntryRequest = {
  client: opencode,
  name: 'baton',
  wanted: {
    kind: 'stdio',
    command: '/bin/node',
    main: '/opt/baton/dist/src/main.js',
    options: {},
    env: { BATON_SHELL_ALLOW: 'npm' },
  },
};
const REMOVE: EntryRequest = { client: opencode, name: 'baton' };

function change(text: string, request: EntryRequest): string {
  const before = readConfigurationText(Buffer.from(text), 'f.json', opencode.dialect);
  return changeEntry(before, 'f.json', request).text;
}

/** As JSON text: `__proto__` is a key like any other, and the order counts. */
function valueOf(text: string): string {
  return JSON.stringify(getNodeValue(parsed(text)));
}

const withoutSpace = (text: string): string => text.replaceAll(/\s/g, '');

function isWithin(part: string, whole: string): boolean {
  let at = 0;
  for (const unit of whole.split('')) if (unit === part[at]) at += 1;
  return at === part.length;
}

/** Draws how a document is written: white space, comments (each with a number of its own) and trailing commas. */
class Writer {
  readonly #choices: readonly number[];
  readonly comments: string[] = [];
  readonly #eol: string;
  readonly #isOneLine: boolean;
  #drawn = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
    this.#eol = this.#draw(2) === 0 ? '\n' : '\r\n';
    this.#isOneLine = this.#draw(4) === 0;
  }

  document(value: Json): string {
    return this.#gap() + this.#write(value, '') + this.#gap();
  }

  #write(value: Json, indent: string): string {
    if (Array.isArray(value))
      return this.#members(
        '[]',
        value.map((item) => this.#write(item, `${indent}\t`)),
        indent,
      );
    if (!isJsonObject(value)) return JSON.stringify(value);
    const members = Object.entries(value).map(
      ([key, below]) =>
        JSON.stringify(key) + this.#gap() + ':' + this.#gap() + this.#write(below, `${indent}\t`),
    );
    return this.#members('{}', members, indent);
  }

  #members(brackets: string, members: readonly string[], indent: string): string {
    const separator = this.#isOneLine || this.#draw(3) === 0 ? '' : `${this.#eol}${indent}\t`;
    const written = members.map((member) => separator + this.#gap() + member + this.#gap());
    const trailing = members.length > 0 && this.#draw(4) === 0 ? `,${this.#gap()}` : '';
    const end = separator === '' ? '' : `${this.#eol}${indent}`;
    return `${brackets.charAt(0)}${written.join(',')}${trailing}${this.#gap()}${end}${brackets.charAt(1)}`;
  }

  #gap(): string {
    switch (this.#draw(8)) {
      case 0:
        return ` /* ${this.#comment()} */`;
      case 1:
        return this.#isOneLine ? ' ' : ` // ${this.#comment()}${this.#eol}`;
      case 2:
        return ' ';
      default:
        return '';
    }
  }

  #comment(): string {
    const comment = `remark${this.comments.length}, "a": {`;
    this.comments.push(comment);
    return comment;
  }

  #draw(below: number): number {
    const choice = this.#choices[this.#drawn % this.#choices.length] ?? 0;
    this.#drawn += 1;
    return (choice + this.#drawn) % below;
  }
}

const key = fc.oneof(
  fc.constantFrom('mcp', 'theme', '__proto__', 'constructor', 'baton', 'a"b\\', ''),
  fc.string({ maxLength: 6, unit: 'binary' }),
);
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom<Json>(null, true, 1e21, -0.5, 'text // no comment', '/* nor this */', ''),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const servers = fc.dictionary(
  key.filter((name) => name !== 'baton'),
  fc.dictionary(key, tree, { maxKeys: 3, noNullPrototype: true }),
  { maxKeys: 3, noNullPrototype: true },
);
const documents = fc
  .record({
    rest: fc.dictionary(
      key.filter((name) => name !== 'mcp'),
      tree,
      { maxKeys: 4, noNullPrototype: true },
    ),
    section: fc.option(servers, { nil: undefined }),
    isFirst: fc.boolean(),
  })
  .map(({ rest, section, isFirst }): Record<string, Json> => {
    if (section === undefined) return rest;
    return isFirst ? { mcp: section, ...rest } : { ...rest, mcp: section };
  });

test('whatever the file: all of it and its comments stay, again changes nothing, removal gives it back', () => {
  fc.assert(
    fc.property(
      documents,
      fc.array(fc.nat(23), { minLength: 1, maxLength: 40 }),
      (document, choices) => {
        const writer = new Writer(choices);
        const text = writer.document(document);
        const added = change(text, ADD);
        expect(JSON.parse(valueOf(added))).toMatchObject({
          mcp: { baton: { type: 'local', environment: { BATON_SHELL_ALLOW: 'npm' } } },
        });
        expect(isWithin(withoutSpace(text), withoutSpace(added))).toBe(true);
        expect(change(added, ADD)).toBe(added);
        const removed = change(added, REMOVE);
        expect(change(removed, REMOVE)).toBe(removed);
        // An empty section is left where there was none.
        const expected = 'mcp' in document ? document : { ...document, mcp: {} };
        expect(valueOf(removed)).toBe(JSON.stringify(expected));
        for (const comment of writer.comments) {
          expect(added).toContain(comment);
          expect(removed).toContain(comment);
        }
        if ('mcp' in document) expect(withoutSpace(removed)).toBe(withoutSpace(text));
      },
    ),
    { numRuns: 400 },
  );
});

describe('setValue', () => {
  const cases: [string, string, string][] = [
    ['an empty object', '{}', '{\n  "x": 1\n}'],
    ['an empty object with a comment', '{ // c\n}', '{ // c\n  "x": 1\n}'],
    ['one line', '{ "a": 1 }', '{ "a": 1, "x": 1 }'],
    ['one line without spaces', '{"a":1}', '{"a":1,"x":1}'],
    ['one line with a trailing comma', '{ "a": 1, }', '{ "a": 1, "x": 1, }'],
    [
      'a comment behind the last member',
      '{\n    "a": 1 // a\n    // end\n}\n',
      '{\n    "a": 1, // a\n    "x": 1\n    // end\n}\n',
    ],
    ['a trailing comma and CRLF', '{\r\n\t"a": 1,\r\n}', '{\r\n\t"a": 1,\r\n\t"x": 1,\r\n}'],
    ['a comma on a line of its own', '{\n  "a": 1\n  ,\n}', '{\n  "a": 1\n  ,\n  "x": 1,\n}'],
    ['a bracket that stays on the line', '{\n  "a": 1 }', '{\n  "a": 1,\n  "x": 1 }'],
  ];
  test.each(cases)('adds to %s', (_name, before, after) => {
    expect(setValue(before, ['x'], 1)).toBe(after);
  });

  test('replaces a value and nothing around it', () => {
    const text = '{ "x" /* k */ : /* v */ "old" /* e */, "y": 2 }';
    expect(setValue(text, ['x'], 'new')).toBe('{ "x" /* k */ : /* v */ "new" /* e */, "y": 2 }');
    expect(setValue(text, ['y'], 2)).toBe(text);
  });

  test('changes lists item by item, so that comments between stay', () => {
    const text = '{"l": [\n  "a", // first\n  "b" // second\n]}';
    expect(setValue(text, ['l'], ['a', 'c'])).toBe('{"l": [\n  "a", // first\n  "c" // second\n]}');
    expect(setValue(text, ['l'], ['a', 'b', 'c'])).toBe(
      '{"l": [\n  "a", // first\n  "b", // second\n  "c"\n]}',
    );
    expect(setValue(text, ['l'], ['a'])).toBe('{"l": [\n  "a" // first\n  // second\n]}');
    expect(setValue('{"l":["a"]}', ['l'], ['b', 'c'])).toBe('{"l":["b","c"]}');
  });
});

describe('removeValue', () => {
  const cases: [string, string, string][] = [
    ['the only member', '{ "x": 1 }', '{}'],
    ['the only member on its line', '{\n  "x": 1\n}\n', '{}\n'],
    ['the first', '{\n  "x": 1,\n  // of a\n  "a": 1\n}', '{\n  // of a\n  "a": 1\n}'],
    ['the first on one line', '{ "x": 1, "a": 1 }', '{ "a": 1 }'],
    ['one between', '{\n  "a": 1, // a\n  "x": 1,\n  "b": 1\n}', '{\n  "a": 1, // a\n  "b": 1\n}'],
    ['the last', '{\n  "a": 1, // a\n  "x": 1\n}', '{\n  "a": 1 // a\n}'],
    ['the last on one line', '{ "a": 1, "x": 1 }', '{ "a": 1 }'],
    ['the last with a trailing comma', '{\n  "a": 1,\n  "x": 1,\n}', '{\n  "a": 1,\n}'],
    ['none of that name', '{ "a": 1 }', '{ "a": 1 }'],
    ['one with a remark behind', '{\n  "x": 1, // mine\n  "a": 1\n}', '{\n  // mine\n  "a": 1\n}'],
    ['one with a remark before', '{ "a": 1, /* x */ "x": 1 }', '{ "a": 1 /* x */  }'],
    ['one before a far comma', '{\n  "x": 1 // c\n  , "a": 1\n}', '{\n  // c\n   "a": 1\n}'],
  ];
  test.each(cases)('removes %s', (_name, before, after) => {
    expect(removeValue(before, ['x'])).toBe(after);
  });
});
