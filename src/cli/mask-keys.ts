import { usageFailure } from './cli-failure.ts';

const KEY = /bok_[\w-]{20,}/g;
const AGENT_HEADER = /^--header[= ]Authorization=Bearer +bok_[\w-]+$/i;

/** A key that was typed or pasted where it does not belong is not repeated. */
export function maskKeys(text: string): string {
  return text.replaceAll(KEY, 'bok_…');
}

export function holdsKey(text: string): boolean {
  return maskKeys(text) !== text;
}

/** The first key in a text; `undefined`: none. */
export function keyIn(text: string): string | undefined {
  return text.match(KEY)?.[0];
}

/**
 * Refuses a whole command line that holds a key, before anything is read or written: most arguments are stored or repeated.
 * The one place for a key is the header that `baton connect` registers for an agent, which looks at its scopes itself.
 */
export function refuseKeysIn(argv: readonly string[]): void {
  const at = argv.findIndex((argument, index) => holdsKey(argument) && !isAgentHeader(argv, index));
  if (at === -1) return;
  const option = [argv[at], argv[at - 1]].find((word) => word?.startsWith('--'));
  const name = option === undefined ? undefined : /^--[a-z-]+(?==|$)/.exec(option)?.[0];
  throw usageFailure(
    `${name ?? 'an argument'} holds an operator key: that would put a person's key where others read it`,
    'Leave it out; a key is given by --key-file or BATON_OPERATOR_KEY. Your shell may remember this one: baton keys revoke ends it.',
    'key_in_argument',
  );
}

function isAgentHeader(argv: readonly string[], at: number): boolean {
  const [before = '', argument = ''] = [argv[at - 1], argv[at]];
  const option = argument.startsWith('--') ? argument : `${before} ${argument}`;
  return argv.includes('connect') && AGENT_HEADER.test(option);
}
