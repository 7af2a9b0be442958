import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What a person can put right: told without a stack. */
export class QuickstartError extends Error {}

/** The store that `--store` names: a URL, or a path made absolute. Throws QuickstartError for any other argument. */
export function readStoreOption(args: readonly string[]): string | undefined {
  const store = parse(args);
  if (store === undefined) return undefined;
  if (store === '') throw new QuickstartError('--store is empty');
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(store) ? store : resolve(store);
}

function parse(args: readonly string[]): string | undefined {
  try {
    return parseArgs({ args: [...args], options: { store: { type: 'string' } } }).values.store;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuickstartError(`${reason}; it takes --store PATH or --store redis://…`);
  }
}
