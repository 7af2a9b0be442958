import { z } from 'zod';
import { configSchema, settingNotes, type SettingNote } from './config-schema.ts';

/** One key of the configuration, as every source knows it. */
export interface Setting extends SettingNote {
  /** Dotted, e.g. `shell.allow`. */
  readonly key: string;
  /** e.g. `BATON_SHELL_ALLOW`. */
  readonly variable: string;
  /** What is wrong with a value, or `undefined`. */
  problemOf(value: unknown): string | undefined;
}

/** Every key, in the order of the schema. */
export const SETTINGS: readonly Setting[] = leavesOf(configSchema, '');

const byKey = new Map(SETTINGS.map((setting) => [setting.key, setting]));

export function findSetting(key: string): Setting | undefined {
  return byKey.get(key);
}

/** Names valid directly under a dotted prefix ('' for the top level); empty where nothing can stand. */
export function namesUnder(prefix: string): readonly string[] {
  const start = prefix === '' ? '' : `${prefix}.`;
  const below = SETTINGS.filter(({ key }) => key.startsWith(start));
  return [...new Set(below.map(({ key }) => key.slice(start.length).split('.')[0] ?? ''))];
}

function leavesOf(schema: z.ZodObject, prefix: string): Setting[] {
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([name, field]) => {
    const key = prefix + name;
    if (field instanceof z.ZodObject) return leavesOf(field, `${key}.`);
    const note = settingNotes.get(field);
    if (note === undefined) throw new Error(`configuration key ${key} has no note`);
    return [{ ...note, key, variable: variableOf(key), problemOf: (value) => check(field, value) }];
  });
}

function variableOf(key: string): string {
  const words = key.replaceAll('.', '_').replace(/([a-z])([A-Z])/g, '$1_$2');
  return `BATON_${words.toUpperCase()}`;
}

function check(field: z.core.$ZodType, value: unknown): string | undefined {
  const { error } = z.safeParse(field, value);
  const [issue] = error?.issues ?? [];
  if (issue === undefined) return undefined;
  const place = issue.path.length === 0 ? '' : `[${issue.path.join('][')}] `;
  return `${place}${issue.message}`;
}
