/**
 * Loaded into the built program before it starts (`node --import`), for tests only: kills the process with SIGKILL
 * right before or right after the COMMIT of a transaction of the kind that the trap file names. The file is looked for
 * at every COMMIT, so that a trap can be set while the process runs; it is removed before it springs.
 */
import { readFileSync, rmSync } from 'node:fs';
import { StatementSync } from 'node:sqlite';
import { kindOfWrite, type SqliteTrap, type WriteKind } from './write-kind.ts';

const path = process.env['CHAOS_TRAP'];
/** Of the open transaction. */
const seen = new Set<WriteKind>();
let counted = '';
let count = 0;

type Method = (this: StatementSync, ...parameters: unknown[]) => unknown;

function wrap(name: 'run' | 'get' | 'all'): void {
  // Called with what it was given, on the statement that it was given for.
  const original: unknown = Reflect.get(StatementSync.prototype, name);
  if (!isMethod(original)) throw new Error(`statements have no ${name}`);
  const wrapped: Method = function (...parameters) {
    const sql = this.sourceSQL;
    if (sql === 'COMMIT') return commit(() => original.apply(this, parameters));
    if (sql.startsWith('BEGIN')) seen.clear();
    const kind = kindOfWrite(sql, parameters);
    if (kind !== undefined) seen.add(kind);
    return original.apply(this, parameters);
  };
  Object.defineProperty(StatementSync.prototype, name, { value: wrapped });
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

function commit(original: () => unknown): unknown {
  const trap = findTrap();
  if (trap?.when === 'before') die();
  const result = original();
  if (trap?.when === 'after') die();
  return result;
}

/** The trap that springs at this COMMIT. */
function findTrap(): SqliteTrap | undefined {
  const text = readTrap();
  if (text === undefined) return undefined;
  if (text !== counted) [counted, count] = [text, 0];
  const trap = JSON.parse(text) as SqliteTrap; // written by the harness
  if (!seen.has(trap.kind)) return undefined;
  count += 1;
  return count >= trap.nth ? trap : undefined;
}

function readTrap(): string | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path, 'utf8');
  } catch {
    return undefined; // none is set
  }
}

function die(): void {
  if (path !== undefined) rmSync(path, { force: true });
  process.kill(process.pid, 'SIGKILL');
}

if (path !== undefined) for (const name of ['run', 'get', 'all'] as const) wrap(name);
