import { isUtf8 } from 'node:buffer';
import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { usageFailure, type CliFailure } from '../cli-failure.ts';

/** What a client's own parser takes besides plain JSON. */
export interface Dialect {
  readonly comments: boolean;
  readonly trailingCommas: boolean;
}

/** A configuration file's text, checked. */
export interface ConfigurationText {
  /** `\uFEFF`, or nothing; kept. */
  readonly bom: string;
  readonly text: string;
  /** The object that the file holds; absent where it holds nothing but white space and comments. */
  readonly root?: Node;
}

const UTF16_MARKS = ['fffe', 'feff'];

/**
 * Decodes and parses a file as its client would. Throws a failure that names file, line and column when the client
 * could not read it, when the top is no object, or when an object has a key twice (which one counts is anybody's guess).
 */
export function readConfigurationText(
  bytes: Buffer,
  file: string,
  dialect: Dialect,
): ConfigurationText {
  const decoded = decode(bytes, file);
  const bom = decoded.startsWith('\uFEFF') ? '\uFEFF' : '';
  const text = decoded.slice(bom.length);
  const root = parse(text, file, dialect);
  if (root === undefined) return { bom, text };
  if (root.type !== 'object')
    throw brokenFile(
      file,
      text,
      root.offset,
      `the top must be an object, and is ${aOrAn(root.type)}`,
    );
  refuseDuplicates(root, text, file);
  return { bom, text, root };
}

/** `offset`: where in `text` the mistake is. */
export function brokenFile(
  file: string,
  text: string,
  offset: number,
  problem: string,
): CliFailure {
  const { line, column } = placeOf(text, offset);
  return usageFailure(
    `${file}:${line}:${column}: ${problem}`,
    'Correct the file there, then run the same command again.',
    'invalid_client_configuration',
  );
}

/** Both count from one. */
function placeOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

export function aOrAn(type: string): string {
  if (type === 'null') return type;
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function decode(bytes: Buffer, file: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const what = UTF16_MARKS.includes(bytes.toString('hex', 0, 2))
    ? 'the file is UTF-16, and must be UTF-8'
    : 'the file is not UTF-8';
  // No other byte of a character is ever a line feed, so each line can be judged alone.
  const before: string[] = [];
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    const feed = bytes.indexOf(10, start);
    end = feed === -1 ? bytes.length : feed + 1;
    const line = bytes.subarray(start, end);
    if (!isUtf8(line)) {
      const text = before.join('') + line.toString('utf8');
      throw brokenFile(file, text, text.indexOf('\uFFFD', before.join('').length), what);
    }
    before.push(line.toString('utf8'));
  }
  throw brokenFile(file, '', 0, what);
}

function parse(text: string, file: string, dialect: Dialect): Node | undefined {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, {
      disallowComments: !dialect.comments,
      allowTrailingComma: dialect.trailingCommas,
      allowEmptyContent: true,
    });
  } catch (error) {
    if (error instanceof RangeError) throw brokenFile(file, text, 0, 'it is nested too deeply');
    throw error;
  }
  const [first] = errors;
  if (first === undefined) return root;
  throw brokenFile(file, text, first.offset, describe(first, dialect));
}

/** `PropertyNameExpected` becomes "property name expected". */
function describe({ error }: ParseError, { comments, trailingCommas }: Dialect): string {
  const name = printParseErrorCode(error);
  const words = name.replaceAll(/\B[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
  const hints = [
    ...(name === 'InvalidCommentToken' && !comments ? ['this client takes no comments'] : []),
    ...(/^(?:PropertyName|Value)Expected$/.test(name) && !trailingCommas
      ? ['no comma may stand before a closing bracket here']
      : []),
  ];
  return ['it is not valid JSON', words, ...hints].join('; ');
}

function refuseDuplicates(root: Node, text: string, file: string): void {
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const { children = [] } = node;
    open.push(...children.filter(({ children: below }) => below !== undefined));
    if (node.type !== 'object') continue;
    const lines = new Map<unknown, number>();
    for (const { children: [key] = [] } of children) {
      if (key === undefined) continue;
      const line = lines.get(key.value);
      if (line !== undefined)
        throw brokenFile(
          file,
          text,
          key.offset,
          `the key ${JSON.stringify(key.value)} stands twice in one object (first in line ${line})`,
        );
      lines.set(key.value, placeOf(text, key.offset).line);
    }
  }
}
