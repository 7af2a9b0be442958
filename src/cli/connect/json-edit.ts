import { findNodeAtLocation, parseTree, type JSONPath, type Node } from 'jsonc-parser';
import type { Json } from '../../domain/json.ts';

/**
 * Edits of JSON text that leave every other character where it is. `modify` of jsonc-parser would do the same job, but
 * it formats the whole line it touches (all of a minified file), moves a comment behind the last member to the new one,
 * and when it removes a first member it takes the comments above the next one along.
 *
 * All take text that parses (comments and trailing commas allowed), and answer text that parses.
 */

/** Sets a value; its parent must be there and be an object. The text itself comes back when the value is there already. */
export function setValue(text: string, path: JSONPath, value: Json): string {
  const root = parsed(text);
  const node = findNodeAtLocation(root, path);
  if (node !== undefined && Array.isArray(value)) return setItems(text, path, node, value);
  if (node !== undefined)
    return node.value === value ? text : splice(text, node, layoutAt(text, node).pretty(value));
  const parent = findNodeAtLocation(root, path.slice(0, -1));
  if (parent?.type !== 'object') throw new Error('the parent of a new member is an object');
  return insert(text, parent, value, String(path.at(-1)));
}

/** Removes a member with its commas, and its lines where nothing else stands on them; comments outside of it stay. */
export function removeValue(text: string, path: JSONPath): string {
  const node = findNodeAtLocation(parsed(text), path);
  if (node === undefined) return text;
  const member = node.parent?.type === 'property' ? node.parent : node;
  const container = member.parent;
  if (container === undefined) throw new Error('the top cannot be removed');
  const without = cut(text, cutsOf(text, member, container));
  return collapseEmpty(without, path.slice(0, -1));
}

export function parsed(text: string): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) throw new Error('there is a value to edit');
  return root;
}

/** Item by item, so that comments between them stay. */
function setItems(text: string, path: JSONPath, node: Node, values: readonly Json[]): string {
  if (node.type !== 'array') return splice(text, node, layoutAt(text, node).pretty([...values]));
  let edited = text;
  const count = node.children?.length ?? 0;
  for (const [at, value] of values.entries()) {
    const array = findNodeAtLocation(parsed(edited), path);
    if (at < count) edited = setValue(edited, [...path, at], value);
    else if (array !== undefined) edited = insert(edited, array, value);
  }
  for (let at = count - 1; at >= values.length; at -= 1)
    edited = removeValue(edited, [...path, at]);
  return edited;
}

/** Behind the last member. */
function insert(text: string, container: Node, value: Json, key?: string): string {
  const last = container.children?.at(-1);
  if (last === undefined) return insertFirst(text, container, value, key);
  const layout = layoutAt(text, last);
  const lastEnd = endOf(last);
  const comma = skipTrivia(text, lastEnd);
  const hasComma = text[comma] === ',';
  if (layout.indent === undefined) {
    const added = `${layout.gap}${layout.compact(value, key)}`;
    const at = hasComma ? comma + 1 : lastEnd;
    return insertAt(text, at, hasComma ? `${added},` : `,${added}`);
  }
  // A comment on the line of the last member is about that one: the new member goes below it.
  const at = endOfComments(text, hasComma ? comma + 1 : lastEnd);
  const added = `${layout.eol}${layout.indent}${layout.pretty(value, key)}`;
  const below = insertAt(text, at, hasComma ? `${added},` : added);
  return hasComma ? below : insertAt(below, lastEnd, ',');
}

function insertFirst(text: string, container: Node, value: Json, key?: string): string {
  const layout = layoutAt(text, container);
  const inner = { offset: container.offset + 1, length: container.length - 2 };
  const kept = text.slice(inner.offset, inner.offset + inner.length).trimEnd();
  // One line that says something already is a style; `{}` alone is none.
  if (!/[\n\r]/.test(text) && container.parent !== undefined)
    return splice(text, inner, kept + layout.compact(value, key));
  const outer = /^[ \t]*/.exec(text.slice(startOfLine(text, container.offset)))?.[0] ?? '';
  const indent = outer + layout.unit;
  const member = layout.pretty(value, key, indent);
  return splice(text, inner, `${kept}${layout.eol}${indent}${member}${layout.eol}${outer}`);
}

interface Cut {
  readonly start: number;
  readonly end: number;
}

/** From the last to the first, so that none moves another. */
function cutsOf(text: string, member: Node, container: Node): Cut[] {
  const end = endOf(member);
  const next = skipTrivia(text, end);
  if (text[next] === ',') {
    const isNear = isBlank(text.slice(end, next));
    const own = isNear ? { start: member.offset, end: next + 1 } : { start: member.offset, end };
    const cuts = [wholeLines(text, own)];
    return isNear ? cuts : [{ start: next, end: next + 1 }, ...cuts];
  }
  const siblings = container.children ?? [];
  const before = siblings[siblings.indexOf(member) - 1];
  const lines = wholeLines(text, { start: member.offset, end });
  if (before === undefined) return [lines];
  const comma = skipTrivia(text, endOf(before));
  // On one line the space between goes too; a comment between stays.
  if (lines.end === end && isBlank(text.slice(comma + 1, member.offset)))
    return [{ start: comma, end }];
  return [lines, { start: comma, end: comma + 1 }];
}

/** The cut, widened to its lines where nothing else stands on them, else by the blanks behind it on its line. */
function wholeLines(text: string, { start, end }: Cut): Cut {
  const first = startOfLine(text, start);
  const isFirst = isBlank(text.slice(first, start));
  const rest = /[ \t]*(\r\n|\n|\r)?/y;
  rest.lastIndex = end;
  const [blanks = '', eol] = rest.exec(text) ?? [];
  if (eol !== undefined && isFirst) return { start: first, end: end + blanks.length };
  const closes = /[}\]]/.test(text[end + blanks.length] ?? '');
  return eol === undefined && !closes ? { start, end: end + blanks.length } : { start, end };
}

function cut(text: string, cuts: readonly Cut[]): string {
  return cuts.reduce((kept, { start, end }) => kept.slice(0, start) + kept.slice(end), text);
}

function collapseEmpty(text: string, path: JSONPath): string {
  const container = findNodeAtLocation(parsed(text), path);
  if (container === undefined || (container.children?.length ?? 0) > 0) return text;
  const inner = { offset: container.offset + 1, length: container.length - 2 };
  const isEmpty = isBlank(text.slice(inner.offset, inner.offset + inner.length));
  return isEmpty ? splice(text, inner, '') : text;
}

interface Layout {
  readonly eol: string;
  /** One step of indentation. */
  readonly unit: string;
  /** Of the node's line; absent when something else stands before it there. */
  readonly indent?: string;
  /** Between members on one line. */
  readonly gap: string;
  /** The value, or the member of that name, over several lines. */
  pretty(value: Json, key?: string, indent?: string): string;
  compact(value: Json, key?: string): string;
}

/** How the document around a node is written. */
function layoutAt(text: string, node: Node): Layout {
  const eol = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
  const unit = /[\n\r]([ \t]+)["\]}[{]/.exec(text)?.[1] ?? '  ';
  const before = text.slice(startOfLine(text, node.offset), node.offset);
  const lineIndent = /^[ \t]*/.exec(before)?.[0] ?? '';
  const startsLine = isBlank(before) && node.offset > 0;
  const gap = /:[ \t]/.test(text) ? ' ' : '';
  const named = (json: string, space: string, key?: string): string =>
    key === undefined ? json : `${JSON.stringify(key)}:${space}${json}`;
  return {
    eol,
    unit,
    gap,
    ...(startsLine && { indent: before }),
    compact: (value, key) => named(JSON.stringify(value), gap, key),
    pretty: (value, key, indent = lineIndent) =>
      named(JSON.stringify(value, null, unit), ' ', key).replaceAll('\n', eol + indent),
  };
}

function splice(text: string, range: Pick<Node, 'offset' | 'length'>, content: string): string {
  return text.slice(0, range.offset) + content + text.slice(range.offset + range.length);
}

function insertAt(text: string, offset: number, content: string): string {
  return splice(text, { offset, length: 0 }, content);
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}

function startOfLine(text: string, offset: number): number {
  return Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1;
}

/** Where the next thing that is neither white space nor a comment stands. */
function skipTrivia(text: string, offset: number): number {
  return endOfMatch(/(?:\s|\/\/[^\n\r]*|\/\*[^]*?\*\/)*/y, text, offset);
}

/** Behind the comments that begin on this line. */
function endOfComments(text: string, offset: number): number {
  return endOfMatch(/(?:[ \t]*(?:\/\/[^\n\r]*|\/\*[^]*?\*\/))*/y, text, offset);
}

function endOfMatch(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return offset + (pattern.exec(text)?.[0].length ?? 0);
}
