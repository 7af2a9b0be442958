import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { BatonFixture, type Ended } from './run-baton.ts';

/** What is registered when the tests run Baton from its sources. */
export const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Typed as what it stands for: vitest's matchers are `any`. */
export const NODE: unknown = expect.stringMatching(/node$/);
export const COMMAND = { command: NODE, args: [MAIN, 'mcp'] };

/** A home and a project of its own for every test. */
export let baton: BatonFixture;
beforeEach(() => {
  baton = new BatonFixture();
});
afterEach(() => baton.dispose());

export const inHome = (name: string): string => join(baton.root, name);

export function write(path: string, content: string | Buffer): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

export function backupsOf(path: string): string[] {
  return readdirSync(dirname(path))
    .filter((name) => name.includes('.baton-backup-'))
    .map((name) => join(dirname(path), name));
}

export function connect(...args: string[]): Promise<Ended> {
  return baton.run(['connect', ...args]);
}

export async function answer(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr, code } = await connect(...args, '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>; // the answer is an object
}
