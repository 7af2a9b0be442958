import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import type { Server } from './connect-client.ts';

/** What the user asked for, before it is brought together with the entry that is there. */
export type WantedServer =
  | {
      readonly kind: 'stdio';
      readonly command: string;
      /** Of Baton, absolute. */
      readonly main: string;
      /** Options of `baton mcp` to set, with their values. */
      readonly options: Readonly<Record<string, string>>;
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    };

/**
 * The server to register: options and variables of the entry that is there stay unless `wanted` says otherwise, and so do
 * its headers while it is of the same origin: what one server is to see, another is not.
 */
export function serverFor(wanted: WantedServer, existing: JsonObject | undefined): Server {
  if (wanted.kind === 'http') return httpServerFor(wanted, existing);
  const { command, main, options } = wanted;
  let rest = existing === undefined ? [] : optionsIn(existing);
  for (const [option, value] of Object.entries(options)) rest = withOption(rest, option, value);
  const env = { ...nested(existing, 'env'), ...wanted.env };
  return { kind: 'stdio', command, args: [main, 'mcp', ...rest], env };
}

function httpServerFor(
  { url, headers }: Extract<WantedServer, { kind: 'http' }>,
  existing: JsonObject | undefined,
): Server {
  const before = existing === undefined ? undefined : urlOf(existing);
  const keepsHeaders = before === undefined || URL.parse(before)?.origin === new URL(url).origin;
  const kept = keepsHeaders ? nested(existing, 'headers') : {};
  const names = keepsHeaders
    ? [...Object.keys(textsIn(existing?.headers)), ...Object.keys(kept)]
    : [];
  // Names of headers differ in more than their case, or they are the same header.
  const spelt = Object.entries(headers).map(([given, value]) => [
    names.find((name) => name.toLowerCase() === given.toLowerCase()) ?? given,
    value,
  ]);
  const given = Object.fromEntries(spelt) as Record<string, string>; // pairs of texts
  return { kind: 'http', url, headers: { ...kept, ...given }, keepsHeaders };
}

/** Where an entry leads to, however its client writes it. */
export function urlOf(entry: JsonObject): string | undefined {
  const { url, httpUrl } = described(entry);
  return [httpUrl, url].find((value) => typeof value === 'string');
}

/** The command line of an entry, however its client writes it. */
export function wordsOf(entry: JsonObject): string[] {
  const { command, args } = described(entry);
  return [command, args].flat().filter((word) => typeof word === 'string');
}

/** Cline's own commands write what describes the server one level deeper. */
function described(entry: JsonObject): JsonObject {
  return isJsonObject(entry.transport) ? entry.transport : entry;
}

/** What Cline's own commands wrote there: the level goes, and it must not be lost with it. */
function nested(entry: JsonObject | undefined, key: 'env' | 'headers'): Record<string, string> {
  return isJsonObject(entry?.transport) ? textsIn(entry.transport[key]) : {};
}

function textsIn(object: Json | undefined): Record<string, string> {
  if (!isJsonObject(object)) return {};
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, value]] : [],
    ),
  );
}

function optionsIn(entry: JsonObject): string[] {
  const words = wordsOf(entry);
  const at = words.indexOf('mcp');
  return at === -1 ? [] : words.slice(at + 1);
}

function withOption(words: readonly string[], option: string, value: string): string[] {
  const at = words.findIndex((word) => word === option || word.startsWith(`${option}=`));
  if (at === -1) return [...words, option, value];
  const count = words[at] === option ? 2 : 1;
  return words.toSpliced(at, count, option, value);
}
