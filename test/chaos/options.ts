import { parseArgs } from 'node:util';

export const USAGE = `Plays faults against the built program, with real processes and a real Redis, and checks every invariant.

  npm run chaos -- [--kills N] [--seed S] [--store sqlite|redis|both] [--only SCENARIO] [--quick] [--list] [--json]

  --kills N        kills of the scenario "kills", over all stores (default 300; with --quick 20)
  --seed S         draws every choice of the harness (default: from the clock, and printed)
  --store KIND     only on this store (default both)
  --only SCENARIO  only this one
  --quick          a slice of some two minutes
  --list           name the scenarios
  --json           print the results as JSON
  --keep           keep the evidence even when all is well
  --program DIR    a folder with dist and package.json, instead of this project's
`;
const DEFAULT_KILLS = '300';
const QUICK_KILLS = '20';
const MAX_SEED = 2 ** 31;

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  readonly store: 'sqlite' | 'redis' | 'both';
  readonly only: string | undefined;
  readonly isQuick: boolean;
  readonly isList: boolean;
  readonly isJson: boolean;
  readonly keeps: boolean;
  readonly program: string | undefined;
}

/** Text: what is wrong with the arguments; '' when help was asked for. */
export function parseOptions(args: readonly string[]): ChaosOptions | string {
  try {
    return read(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function read(args: readonly string[]): ChaosOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % MAX_SEED) },
      store: { type: 'string', default: 'both' },
      only: { type: 'string' },
      program: { type: 'string' },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return '';
  const { store, only, program } = values;
  if (store !== 'sqlite' && store !== 'redis' && store !== 'both')
    return `--store: expected sqlite, redis or both, not "${store}"`;
  return {
    kills: wholeNumber('--kills', values.kills ?? (values.quick ? QUICK_KILLS : DEFAULT_KILLS)),
    seed: wholeNumber('--seed', values.seed),
    store,
    only,
    program,
    isQuick: values.quick,
    isList: values.list,
    isJson: values.json,
    keeps: values.keep,
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`${name}: expected a whole number, not "${text}"`);
  return value;
}
