import { MAX_QUESTION_CHARS } from '../domain/limits.ts';
import type { Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { holdsKey } from './mask-keys.ts';

/** An option whose text stays in the history for good. */
export function personText(invocation: Invocation, option: string): string | undefined {
  const text = invocation.text(option)?.trim();
  if (text === undefined || text === '') return undefined;
  if (text.length > MAX_QUESTION_CHARS)
    throw usageFailure(
      `--${option} has ${text.length} characters, and ${MAX_QUESTION_CHARS} is the most`,
      'Say it shorter.',
    );
  refuseKey(text, `--${option}`);
  return text;
}

export function refuseKey(text: string, place: string): void {
  if (holdsKey(text))
    throw usageFailure(
      `${place} holds an operator key, which would stay in the history`,
      'Leave it out; a key is given by --key-file or BATON_OPERATOR_KEY.',
    );
}
