import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Document, LineCounter, ParsedNode } from 'yaml';
import { nearestName } from '../domain/definition/nearest-name.ts';
import { ConfigError } from './config-error.ts';
import { resolvePaths, type ConfigLayer, type PlacedValue } from './config-layer.ts';
import type { ConfigProblem } from './config-error.ts';
import { findSetting, namesUnder } from './settings.ts';

const MAX_FILE_CHARS = 262_144;
const MAX_PARENTS = 64;

/**
 * The project's `baton.config.yaml` or `.json`: the nearest one from `cwd` up to the root of the git checkout, else up
 * to the home directory, else in `cwd` only (directories above may be other people's).
 */
export function findProjectFile(cwd: string, home: string): string | undefined {
  for (const directory of projectDirectories(cwd, home)) {
    const file = onlyFile(directory, 'baton.config');
    if (file !== undefined) return file;
  }
  return undefined;
}

/** `config.yaml` or `config.json` in the user's configuration directory. */
export function findUserFile(directory: string): string | undefined {
  return onlyFile(directory, 'config');
}

function projectDirectories(cwd: string, home: string): string[] {
  const parents = [cwd];
  for (let path = cwd; dirname(path) !== path && parents.length < MAX_PARENTS; path = dirname(path))
    parents.push(dirname(path));
  const gitRoot = parents.findIndex((path) => existsSync(join(path, '.git')));
  const atHome = relative(home, cwd).startsWith('..') ? -1 : parents.indexOf(home);
  const ends = [gitRoot, atHome].filter((end) => end >= 0);
  return parents.slice(0, ends.length === 0 ? 1 : Math.min(...ends) + 1);
}

function onlyFile(directory: string, stem: string): string | undefined {
  const found = [`${stem}.yaml`, `${stem}.json`]
    .map((name) => join(directory, name))
    .filter((path) => existsSync(path));
  if (found.length > 1)
    throw new ConfigError([
      { place: directory, message: `both ${stem}.yaml and ${stem}.json are there; keep one` },
    ]);
  return found[0];
}

/** Reads one file; throws ConfigError when it cannot be read or is no YAML (of which JSON is a part). */
export async function fileLayer(path: string, home: string): Promise<ConfigLayer> {
  const text = readText(path);
  const { parseDocument, LineCounter: Lines } = await import('yaml');
  const lines = new Lines();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map(({ pos, message }) => ({
        place: `${path}:${lines.linePos(pos[0]).line}`,
        message,
      })),
    );
  return new FileReader(path, home, lines).read(document);
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length <= MAX_FILE_CHARS) return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ place: path, message: `cannot be read: ${reason}` }]);
  }
  throw new ConfigError([{ place: path, message: `is longer than ${MAX_FILE_CHARS} characters` }]);
}

interface KeyNode {
  readonly range?: readonly number[] | null;
  readonly value?: unknown;
}

/** Flattens the mappings of a document into settings, keeping the line of every key. */
class FileReader {
  readonly #path: string;
  readonly #home: string;
  readonly #lines: LineCounter;
  readonly #values: PlacedValue[] = [];
  readonly #problems: ConfigProblem[] = [];

  constructor(path: string, home: string, lines: LineCounter) {
    this.#path = path;
    this.#home = home;
    this.#lines = lines;
  }

  read(document: Document.Parsed): ConfigLayer {
    const value: unknown = document.toJS({ maxAliasCount: 10 });
    if (value !== null) this.#walk('', value, document.contents);
    return { values: this.#values, problems: this.#problems };
  }

  #walk(prefix: string, value: unknown, node: ParsedNode | null): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const what = prefix === '' ? 'the file' : prefix;
      this.#problems.push({ place: this.#place(node), message: `${what} must hold keys` });
      return;
    }
    for (const [name, below] of Object.entries(value))
      this.#visit(prefix, name, below, pairOf(node, name));
  }

  #visit(prefix: string, name: string, value: unknown, pair: Pair): void {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const place = this.#place(pair.key);
    const candidates = namesUnder(prefix);
    if (!candidates.includes(name)) {
      const near = nearestName(name, candidates);
      const suggestion = near && (prefix === '' ? near : `${prefix}.${near}`);
      this.#problems.push({
        place,
        message: `unknown key "${key}"`,
        ...(suggestion && { suggestion }),
      });
      return;
    }
    // `shell:` with nothing below it says nothing.
    if (value === null) return;
    const setting = findSetting(key);
    if (setting === undefined) return this.#walk(key, value, pair.value);
    const resolved = resolvePaths(setting, value, dirname(this.#path), this.#home);
    this.#values.push({ setting, value: resolved, place });
  }

  #place(node: KeyNode | null): string {
    const offset = node?.range?.[0];
    return offset === undefined ? this.#path : `${this.#path}:${this.#lines.linePos(offset).line}`;
  }
}

interface Pair {
  readonly key: KeyNode | null;
  readonly value: ParsedNode | null;
}

function pairOf(node: ParsedNode | null, name: string): Pair {
  const items = node !== null && 'items' in node ? node.items : [];
  for (const item of items) {
    // Sequences hold nodes, mappings pairs; only a pair has a key.
    if ('key' in item && (item.key as KeyNode).value === name)
      // a parsed scalar key
      return { key: item.key, value: item.value };
  }
  return { key: null, value: null };
}
