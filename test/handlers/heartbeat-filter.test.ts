import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import {
  createHeartbeatFilter,
  HEARTBEAT_MARKER,
  MAX_HEARTBEAT_LINE_BYTES,
} from '../../src/handlers/shell/heartbeat-filter.ts';
import { MAX_HEARTBEAT_CHARS } from '../../src/ports/work-source.ts';

function filter(chunks: readonly Buffer[]): { beats: Json[]; passed: string } {
  const beats: Json[] = [];
  const passed: Buffer[] = [];
  const sink = createHeartbeatFilter(
    (payload) => beats.push(payload),
    (chunk) => passed.push(Buffer.from(chunk)),
  );
  for (const chunk of chunks) sink.write(chunk);
  sink.end();
  return { beats, passed: Buffer.concat(passed).toString('utf8') };
}

/** What the filter must do, said without chunks: line by line. */
function filterLines(text: string): { beats: Json[]; passed: string } {
  const beats: Json[] = [];
  let passed = '';
  for (const line of text.split(/(?<=\n)/)) {
    try {
      if (!line.startsWith(HEARTBEAT_MARKER)) throw new Error('ordinary');
      // JSON.parse answers any; what it parsed is JSON by definition.
      beats.push(JSON.parse(line.slice(HEARTBEAT_MARKER.length)) as Json);
    } catch {
      passed += line;
    }
  }
  return { beats, passed };
}

const piece = fc.constantFrom(
  '\n',
  ':',
  '::baton',
  '::baton-heartbeat:',
  HEARTBEAT_MARKER,
  `${HEARTBEAT_MARKER}1\n`,
  `\n${HEARTBEAT_MARKER}{"é":[2]}\n`,
  `${HEARTBEAT_MARKER}{broken\n`,
  'text',
  'ü\r\n',
);

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return [...chunks, bytes.subarray(from)];
}

describe('the heartbeat filter', () => {
  test('takes out exactly the well-formed heartbeat lines, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }),
        (pieces, sizes) => {
          const text = pieces.join('');
          expect(filter(cut(Buffer.from(text), sizes))).toEqual(filterLines(text));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('passes on a heartbeat that is too long, and finds the next', () => {
    const long = `${HEARTBEAT_MARKER}"${'x'.repeat(MAX_HEARTBEAT_LINE_BYTES)}"\n`;
    const text = Buffer.from(`${long}${HEARTBEAT_MARKER}7\n`);
    for (const sizes of [[], [10, 70_000], [65_000, 1_000]]) {
      expect(filter(cut(text, sizes))).toEqual({ beats: [7], passed: long });
    }
  });

  test.each([
    ['is nested so deeply that nobody could write it again', '['.repeat(9_000) + ']'.repeat(9_000)],
    ['is longer than the store takes when written again', `[${'1e20,'.repeat(12_000)}1]`],
  ])('passes on a heartbeat that %s', (_name, payload) => {
    expect(payload.length).toBeLessThan(MAX_HEARTBEAT_CHARS);
    const line = `${HEARTBEAT_MARKER}${payload}\n`;
    const text = Buffer.from(`${line}${HEARTBEAT_MARKER}7\n`);
    expect(filter([text])).toEqual({ beats: [7], passed: line });
  });
});
