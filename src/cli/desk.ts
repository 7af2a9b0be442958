import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { CliFailure } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { visibleLine } from '../application/runs/visible-text.ts';

const MAX_TRIES = 3;
/** A choice has at most 100 characters, each of which may have to be written out. */
const MAX_WORD_CHARS = 1_000;

export interface DeskStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** A person at a terminal. All of it goes through standard error: standard output may have to hold JSON. */
export interface Desk {
  show(lines: readonly string[]): void;
  /**
   * Asks for one of these words, at most three times, and answers it. An empty line or the end of input declines, which
   * fails: nothing is recorded then.
   */
  confirm(action: string, words: readonly string[]): Promise<string>;
}

export function createDesk({ stdin, stderr }: DeskStreams): Desk {
  return {
    show: (lines) => {
      for (const line of lines) stderr.write(`${line}\n`);
    },
    confirm: async (action, words) => {
      // The terminal edits the line and turns Ctrl-C into a signal, as for any program: nothing to restore at the end.
      const lines = createInterface({ input: stdin, terminal: false });
      const shown = words.map((word) => visibleLine(word, MAX_WORD_CHARS));
      const prompt = `Type ${shown.join(' or ')} to ${action}; Enter alone leaves it as it is: `;
      try {
        const word = await askFor(lines, (text) => stderr.write(text), prompt, shown);
        const at = word === undefined ? -1 : shown.indexOf(word);
        return words[at] ?? decline();
      } finally {
        lines.close();
      }
    },
  };
}

/** `undefined`: none of the words. */
async function askFor(
  lines: AsyncIterable<string>,
  write: (text: string) => void,
  prompt: string,
  words: readonly string[],
): Promise<string | undefined> {
  let left = MAX_TRIES;
  write(prompt);
  for await (const line of lines) {
    const word = line.trim();
    left -= 1;
    if (words.includes(word)) return word;
    if (word === '' || left === 0) return undefined;
    write(`That is none of them. ${prompt}`);
  }
  write('\n');
  return undefined;
}

function decline(): never {
  throw new CliFailure({
    exitCode: EXIT.refused,
    code: 'not_confirmed',
    message: 'not confirmed',
    changed: 'nothing',
    next: 'It still waits: baton inbox lists it.',
  });
}
