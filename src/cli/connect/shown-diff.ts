import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { JSONPath } from 'jsonc-parser';
import type { Terminal } from '../terminal.ts';
import { maskSecrets } from './secret-mask.ts';

const MAX_LINE_CHARS = 400;

/**
 * A unified diff for people: of what stands outside of `own` every value and comment masked, within it what looks like a
 * secret; long lines cut, nothing in it that could steer a terminal. Empty: no difference.
 */
export function shownDiff(
  file: string,
  before: string | undefined,
  after: string,
  own: JSONPath,
): string {
  if (before === after) return '';
  const old = before ?? '';
  const patch = createTwoFilesPatch(
    before === undefined ? '/dev/null' : file,
    file,
    maskSecrets(old, { own }),
    // In a file that is new everything is Baton's.
    maskSecrets(after, { before: old, own: before === undefined ? [] : own }),
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  );
  return patch.trimEnd().split('\n').map(printable).join('\n');
}

function printable(line: string): string {
  const plain = line.replace(/\r$/, '').replaceAll(/[^\P{Cc}\t]/gu, '\uFFFD');
  return plain.length <= MAX_LINE_CHARS ? plain : `${plain.slice(0, MAX_LINE_CHARS - 1)}…`;
}

export function colouredDiff(diff: string, terminal: Terminal): string {
  return diff
    .split('\n')
    .map((line) => {
      if (/^(?:---|\+\+\+) /.test(line)) return terminal.style('bold', line);
      if (line.startsWith('@@')) return terminal.style('cyan', line);
      if (line.startsWith('+')) return terminal.style('green', line);
      return line.startsWith('-') ? terminal.style('red', line) : line;
    })
    .join('\n');
}
