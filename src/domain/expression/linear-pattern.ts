import { celEnv, isCelError } from '@bufbuild/cel';

const matches = celEnv().funcs.find('matches');

/** A pattern of a JSON Schema, matched by RE2: its time is linear, so that no pattern and text can hang the engine. */
export interface LinearPattern {
  test(text: string): boolean;
  toString(): string;
}

/** Throws for what RE2 does not have: look-around and back-references. For ajv's `code.regExp`. */
export const linearPattern = Object.assign(
  (pattern: string): LinearPattern => {
    matchesPattern('', pattern);
    // ajv tells patterns apart by their text.
    return { test: (text) => matchesPattern(text, pattern), toString: () => `/${pattern}/` };
  },
  { code: 'linearPattern' },
);

function matchesPattern(text: string, pattern: string): boolean {
  const answer = matches?.call(0, text, [pattern]);
  if (isCelError(answer))
    throw new Error(`the pattern ${pattern} is not supported: ${answer.message}`);
  return answer === true;
}
