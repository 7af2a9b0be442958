import type { Json } from '../../domain/json.ts';
import { MAX_HEARTBEAT_CHARS } from '../../ports/work-source.ts';
import { parseCommandJson } from './parse-json.ts';

/** A line of standard output that starts with this carries a heartbeat: the rest of the line is JSON. */
export const HEARTBEAT_MARKER = '::baton-heartbeat::';

/** Longer lines are ordinary output; it bounds what is held back until the line ends. */
export const MAX_HEARTBEAT_LINE_BYTES = HEARTBEAT_MARKER.length + MAX_HEARTBEAT_CHARS;

const NEWLINE = 0x0a;
const MARKER = Buffer.from(HEARTBEAT_MARKER);
const LINE_MARKER = Buffer.from(`\n${HEARTBEAT_MARKER}`);
const EMPTY = Buffer.alloc(0);

export interface ByteSink {
  write(chunk: Buffer): void;
  /** No more follows; an unfinished last line counts as a line. */
  end(): void;
}

/** Whether the bytes from `start` are the marker, or could become it with what is still to come. */
function mayBeMarker(bytes: Buffer, start: number): boolean {
  const length = Math.min(MARKER.length, bytes.length - start);
  return length > 0 && bytes.compare(MARKER, 0, length, start, start + length) === 0;
}

/** The first line at or after `from` that is or may become a heartbeat; -1 if none. */
function findCandidate(bytes: Buffer, from: number, atLineStart: boolean): number {
  if (atLineStart && mayBeMarker(bytes, from)) return from;
  const inside = bytes.indexOf(LINE_MARKER, from);
  if (inside >= 0) return inside + 1;
  const lastLine = bytes.lastIndexOf(NEWLINE) + 1;
  return lastLine > from && mayBeMarker(bytes, lastLine) ? lastLine : -1;
}

function parsePayload(line: Buffer): { readonly payload: Json } | undefined {
  if (line.length > MAX_HEARTBEAT_LINE_BYTES) return undefined;
  const parsed = parseCommandJson(line.toString('utf8', MARKER.length));
  if ('problem' in parsed) return undefined;
  // Written again it may be longer than the line: 1e20 becomes 21 digits, and the store refuses what is too long.
  return JSON.stringify(parsed.value).length > MAX_HEARTBEAT_CHARS
    ? undefined
    : { payload: parsed.value };
}

/**
 * Takes heartbeat lines out of a byte stream and passes everything else on unchanged and in order; a malformed, too
 * deep or oversized heartbeat stays ordinary output. Holds back at most one candidate line.
 */
export function createHeartbeatFilter(
  onHeartbeat: (payload: Json) => void,
  passOn: (chunk: Buffer) => void,
): ByteSink {
  let held: Buffer = EMPTY;
  let atLineStart = true;

  function pass(bytes: Buffer): void {
    if (bytes.length === 0) return;
    atLineStart = bytes[bytes.length - 1] === NEWLINE;
    passOn(bytes);
  }

  function takeLine(bytes: Buffer, start: number, end: number): void {
    const parsed = parsePayload(bytes.subarray(start, end));
    if (parsed === undefined) return pass(bytes.subarray(start, end + 1));
    atLineStart = true;
    onHeartbeat(parsed.payload);
  }

  function write(chunk: Buffer): void {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    held = EMPTY;
    let from = 0;
    for (;;) {
      const start = findCandidate(bytes, from, atLineStart);
      if (start < 0) return pass(bytes.subarray(from));
      pass(bytes.subarray(from, start));
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) {
        if (bytes.length - start > MAX_HEARTBEAT_LINE_BYTES) pass(bytes.subarray(start));
        else held = bytes.subarray(start);
        return;
      }
      takeLine(bytes, start, end);
      from = end + 1;
    }
  }

  function end(): void {
    if (held.length > 0) takeLine(held, 0, held.length);
    held = EMPTY;
  }

  return { write, end };
}
