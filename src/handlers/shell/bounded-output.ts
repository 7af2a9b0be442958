/** What was kept of a stream: all of it, or its beginning and its end. */
export interface KeptOutput {
  readonly text: string;
  readonly truncated: boolean;
  readonly totalBytes: number;
}

export interface BoundedOutput {
  write(chunk: Buffer): void;
  read(): KeptOutput;
}

/** Index just past the last whole UTF-8 character. */
function wholeCharactersEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Index of the first byte that begins a UTF-8 character. */
function wholeCharactersStart(bytes: Buffer): number {
  let start = 0;
  while (start < 4 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return start;
}

/** The last `capacity` bytes written. Allocates only once something arrives. */
function createTail(capacity: number): { write(chunk: Buffer): void; bytes(): Buffer } {
  let ring: Buffer | undefined;
  let written = 0;
  return {
    write(chunk) {
      if (chunk.length === 0 || capacity === 0) return;
      ring ??= Buffer.alloc(capacity);
      const kept = chunk.subarray(Math.max(0, chunk.length - capacity));
      const position = (written + chunk.length - kept.length) % capacity;
      const first = Math.min(kept.length, capacity - position);
      kept.copy(ring, position, 0, first);
      kept.copy(ring, 0, first);
      written += chunk.length;
    },
    bytes() {
      if (ring === undefined) return Buffer.alloc(0);
      if (written <= capacity) return ring.subarray(0, written);
      const position = written % capacity;
      return Buffer.concat([ring.subarray(position), ring.subarray(0, position)]);
    },
  };
}

/**
 * Keeps a stream up to `limitBytes`; beyond that, its first and last half with a marker between them that says how
 * much is missing. Memory stays within `limitBytes` however much is written. Characters are not cut in two.
 */
export function createBoundedOutput(limitBytes: number): BoundedOutput {
  const headLimit = Math.ceil(limitBytes / 2);
  const head: Buffer[] = [];
  let headBytes = 0;
  let totalBytes = 0;
  const tail = createTail(limitBytes - headLimit);

  function write(chunk: Buffer): void {
    totalBytes += chunk.length;
    const forHead = chunk.subarray(0, headLimit - headBytes);
    // Copied: a view would keep the whole chunk alive.
    if (forHead.length > 0) head.push(Buffer.from(forHead));
    headBytes += forHead.length;
    tail.write(chunk.subarray(forHead.length));
  }

  function read(): KeptOutput {
    const start = Buffer.concat(head);
    const end = tail.bytes();
    if (totalBytes <= limitBytes) {
      return { text: Buffer.concat([start, end]).toString('utf8'), truncated: false, totalBytes };
    }
    const keptStart = start.subarray(0, wholeCharactersEnd(start));
    const keptEnd = end.subarray(wholeCharactersStart(end));
    const omitted = totalBytes - keptStart.length - keptEnd.length;
    const text = `${keptStart.toString('utf8')}\n[… ${omitted} bytes omitted …]\n${keptEnd.toString('utf8')}`;
    return { text, truncated: true, totalBytes };
  }

  return { write, read };
}
