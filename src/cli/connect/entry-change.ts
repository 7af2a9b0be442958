import { isDeepStrictEqual } from 'node:util';
import { findNodeAtLocation, getNodeValue, type Node } from 'jsonc-parser';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { usageFailure } from '../cli-failure.ts';
import {
  aOrAn,
  brokenFile,
  readConfigurationText,
  type ConfigurationText,
} from './configuration-text.ts';
import type { ConnectClient, EntryShape } from './connect-client.ts';
import { serverFor, urlOf, wordsOf, type WantedServer } from './entry-words.ts';
import { parsed, removeValue, setValue } from './json-edit.ts';
import { isBatons } from './ownership.ts';

export interface EntryRequest {
  readonly client: ConnectClient;
  readonly name: string;
  /** Absent: the entry is to be removed. */
  readonly wanted?: WantedServer | undefined;
  /** With a removal: the server over HTTP that is meant. */
  readonly removedUrl?: string | undefined;
}

export interface EntryChange {
  /** The whole new text, without byte order mark; the old one when there is nothing to do. */
  readonly text: string;
  /** The entry as it then stands. */
  readonly entry?: JsonObject;
}

/**
 * What a configuration becomes. Touches nothing but the one entry (and makes its section where there is none); in an
 * entry that is there only the keys that are Baton's. An entry that starts something else is refused. A removal leaves
 * the section, even an empty one: it may have been there before, and some clients insist on it.
 */
export function changeEntry(
  before: ConfigurationText,
  file: string,
  request: EntryRequest,
): EntryChange {
  const existing = findEntry(before, file, request);
  if (existing !== undefined) refuseForeign(existing, file, request);
  const text = edit(before, existing, request);
  const after = readConfigurationText(Buffer.from(text), file, request.client.dialect);
  assertOthersKept(before, after, request);
  const entry = findEntry(after, file, request);
  return { text, ...(entry !== undefined && { entry }) };
}

/** Whether the file has an entry of this name; throws where it has something in the way of one. */
export function findEntry(
  { text, root }: ConfigurationText,
  file: string,
  { client, name }: Pick<EntryRequest, 'client' | 'name'>,
): JsonObject | undefined {
  const section = root && findNodeAtLocation(root, [client.section]);
  if (section === undefined) return undefined;
  requireObject(section, client.section, text, file);
  const entry = findNodeAtLocation(section, [name]);
  if (entry === undefined) return undefined;
  requireObject(entry, `${client.section}.${name}`, text, file);
  for (const key of ['env', 'environment', 'headers']) {
    const node = findNodeAtLocation(entry, [key]);
    if (node !== undefined) requireObject(node, `${client.section}.${name}.${key}`, text, file);
  }
  return valueOf(entry);
}

function requireObject(node: Node, path: string, text: string, file: string): void {
  if (node.type !== 'object')
    throw brokenFile(
      file,
      text,
      node.offset,
      `${path} must be an object, and is ${aOrAn(node.type)}`,
    );
}

function valueOf(node: Node): JsonObject {
  return getNodeValue(node) as JsonObject; // an object node holds JSON
}

function refuseForeign(entry: JsonObject, file: string, request: EntryRequest): void {
  const { name, wanted, removedUrl } = request;
  const url = wanted?.kind === 'http' ? wanted.url : removedUrl;
  if (isBatons(entry, { name, url })) return;
  const does =
    wordsOf(entry).length > 0
      ? 'it starts another program'
      : urlOf(entry) === undefined
        ? 'it says neither what it starts nor where it leads to'
        : 'it leads to another server';
  throw usageFailure(
    `${file}: the server "${name}" there is not Baton's for certain: ${does}`,
    wanted === undefined
      ? '--name says which entry is to be removed; one over HTTP goes by its URL too: --remove --http URL.'
      : 'Register Baton beside it with --name, for example --name baton-workflows.',
    'foreign_entry',
  );
}

function edit(
  { text, root }: ConfigurationText,
  existing: JsonObject | undefined,
  { client, name, wanted }: EntryRequest,
): string {
  if (wanted === undefined)
    return existing === undefined ? text : removeValue(text, [client.section, name]);
  const shape = client.entry(serverFor(wanted, existing));
  if (existing !== undefined) return update(text, [client.section, name], shape);
  const entry = newEntry(shape);
  if (root === undefined)
    return newDocument(text, { ...client.newFile, [client.section]: { [name]: entry } });
  return findNodeAtLocation(root, [client.section]) === undefined
    ? setValue(text, [client.section], { [name]: entry })
    : setValue(text, [client.section, name], entry);
}

/** What a client's configuration says of a server that it does not know yet. */
export function newEntry({ owned, merged, initial }: EntryShape): JsonObject {
  const hasMerged = merged !== undefined && Object.keys(merged.values).length > 0;
  return { ...owned, ...(hasMerged && { [merged.key]: { ...merged.values } }), ...initial };
}

/** `text`: comments at most. */
function newDocument(text: string, document: JsonObject): string {
  const eol = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
  const kept = text.trimEnd();
  const json = JSON.stringify(document, null, 2).replaceAll('\n', eol);
  return `${kept === '' ? '' : kept + eol}${json}${eol}`;
}

function update(text: string, path: string[], shape: EntryShape): string {
  const { owned, merged, contradicting } = shape;
  let edited = text;
  for (const key of contradicting) edited = removeValue(edited, [...path, key]);
  for (const [key, value] of Object.entries(owned))
    edited = setValue(edited, [...path, key], value);
  if (merged === undefined || Object.keys(merged.values).length === 0) return edited;
  const at = [...path, merged.key];
  if (findNodeAtLocation(parsed(edited), at) === undefined)
    return setValue(edited, at, { ...merged.values });
  for (const [key, value] of Object.entries(merged.values))
    edited = setValue(edited, [...at, key], value);
  return edited;
}

/** The last guard of other people's settings: a mistake of the editor must not reach the file. */
function assertOthersKept(
  before: ConfigurationText,
  after: ConfigurationText,
  request: EntryRequest,
): void {
  if (before.root === undefined) return;
  if (!isDeepStrictEqual(others(before.root, request), others(after.root, request)))
    throw new Error('the edited configuration differs in more than the one entry');
}

function others(root: Node | undefined, { client, name }: EntryRequest): Json {
  const document = root === undefined ? {} : valueOf(root);
  const { [client.section]: section = {}, ...rest } = document;
  if (!isJsonObject(section)) return document;
  const servers = Object.entries(section).filter(([key]) => key !== name);
  return { ...rest, [client.section]: Object.fromEntries(servers) };
}
