import { usageFailure } from './cli-failure.ts';

const KEY = /bok_[\w-]{20,}/g;

/** A key that was typed or pasted where it does not belong is not repeated. */
export function maskKeys(text: string): string {
  return text.replaceAll(KEY, 'bok_…');
}

export function holdsKey(text: string): boolean {
  return maskKeys(text) !== text;
}

/**
 * Refuses a whole command line that holds an operator key, before anything is read or written: no argument of any command
 * is one, and most are stored or repeated.
 */
export function refuseKeysIn(argv: readonly string[]): void {
  const at = argv.findIndex(holdsKey);
  if (at === -1) return;
  const option = [argv[at], argv[at - 1]].find((word) => word?.startsWith('--'));
  const name = option === undefined ? undefined : /^--[a-z-]+(?==|$)/.exec(option)?.[0];
  throw usageFailure(
    `${name ?? 'an argument'} holds an operator key: that would put a person's key where others read it`,
    'Leave it out; a key is given by --key-file or BATON_OPERATOR_KEY. Your shell may remember this one: baton keys revoke ends it.',
    'key_in_argument',
  );
}
