import { resolve } from 'node:path';
import type { ConfigProblem } from './config-error.ts';
import type { Setting } from './settings.ts';
import { isNoPlace, isStoreUrl } from './store-place.ts';

/** A value with where it came from. */
export interface PlacedValue {
  readonly setting: Setting;
  readonly value: unknown;
  /** `file:line`, `environment BATON_…`, `option --…` or `default`. */
  readonly place: string;
}

/** What one source says. */
export interface ConfigLayer {
  readonly values: readonly PlacedValue[];
  readonly problems: readonly ConfigProblem[];
}

/** Text of a variable or an option as the value it stands for. What does not fit stays text, for the schema to refuse. */
export function readText(setting: Setting, text: string): unknown {
  switch (setting.form) {
    case 'list':
    case 'paths':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'number':
      return /^\d+$/.test(text) ? Number(text) : text;
    case 'flag':
      return ({ true: true, '1': true, false: false, '0': false } as const)[text] ?? text;
    default:
      return text;
  }
}

/** Relative paths begin at `base`, `~/` at the home directory. */
export function resolvePath(path: string, base: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(base, path);
}

/** Paths of the setting become absolute; what is no path stays, for the schema to refuse. */
export function resolvePaths(
  { form }: Setting,
  value: unknown,
  base: string,
  home: string,
): unknown {
  const absolute = (path: unknown): unknown =>
    typeof path === 'string' && path !== '' ? resolvePath(path, base, home) : path;
  if (form === 'store' && typeof value === 'string' && (isStoreUrl(value) || isNoPlace(value)))
    return value;
  if (form === 'path' || form === 'store') return absolute(value);
  return form === 'paths' && Array.isArray(value) ? value.map(absolute) : value;
}

/** Checks every value by the schema; a layer's problems are its own even where a later layer overrides. */
export function checkLayer(layer: ConfigLayer): ConfigLayer {
  const problems = [...layer.problems];
  for (const { setting, value, place } of layer.values) {
    const problem = setting.problemOf(value);
    if (problem !== undefined) problems.push({ place, message: `${setting.key}: ${problem}` });
  }
  return { values: layer.values, problems };
}
