import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeptOutput } from '../../src/handlers/shell/bounded-output.ts';
import { createBoundedOutput } from '../../src/handlers/shell/bounded-output.ts';

function keep(limitBytes: number, chunks: readonly string[]): KeptOutput {
  const output = createBoundedOutput(limitBytes);
  for (const chunk of chunks) output.write(Buffer.from(chunk));
  return output.read();
}

describe('bounded output', () => {
  test('keeps everything up to the limit, however it is cut', () => {
    expect(keep(8, ['abc', '', 'defgh'])).toEqual({
      text: 'abcdefgh',
      truncated: false,
      totalBytes: 8,
    });
  });

  test('keeps the beginning and the end beyond the limit and says what is missing', () => {
    expect(keep(8, ['abcdefghi', 'jkl'])).toEqual({
      text: 'abcd\n[… 4 bytes omitted …]\nijkl',
      truncated: true,
      totalBytes: 12,
    });
  });

  test('never cuts a character in two', () => {
    expect(keep(10, ['éé€xxxxxx€éé']).text).toBe('éé\n[… 12 bytes omitted …]\néé');
    expect(keep(10, ['abc😀xxxxxx😀abc']).text).toBe('abc\n[… 14 bytes omitted …]\nabc');
  });

  test('keeps the same bytes however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 0, maxLength: 40 }), { maxLength: 20 }),
        fc.integer({ min: 2, max: 64 }),
        (chunks, limitBytes) => {
          expect(keep(limitBytes, chunks)).toEqual(keep(limitBytes, [chunks.join('')]));
        },
      ),
    );
  });
});
