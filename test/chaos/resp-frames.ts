const CR = 13;
const LF = 10;
const LINE_KINDS = new Set(['+', '-', ':']);

/** Cuts a stream of the Redis protocol (RESP2) into whole requests or replies, however it arrives. */
export class RespFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete with these bytes, each as it came. Throws for what is no RESP2. */
  push(bytes: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Buffer[] = [];
    let from = 0;
    for (;;) {
      const end = frameEnd(all, from);
      if (end === undefined) break;
      frames.push(all.subarray(from, end));
      from = end;
    }
    this.#rest = all.subarray(from);
    return frames;
  }
}

/** Where the frame that begins at `from` ends; `undefined`: not all of it is here. */
function frameEnd(bytes: Buffer, from: number): number | undefined {
  const line = lineEnd(bytes, from);
  if (line === undefined) return undefined;
  const kind = String.fromCharCode(bytes[from] ?? 0);
  if (LINE_KINDS.has(kind)) return line;
  const count = Number(bytes.toString('latin1', from + 1, line - 2));
  if (!Number.isInteger(count)) throw new Error(`no length after "${kind}"`);
  if (kind === '$') {
    const end = count < 0 ? line : line + count + 2;
    return end <= bytes.length ? end : undefined;
  }
  if (kind !== '*') throw new Error(`"${kind}" begins no RESP2 frame`);
  let end: number | undefined = line;
  for (let at = 0; at < count && end !== undefined; at += 1) end = frameEnd(bytes, end);
  return end;
}

function lineEnd(bytes: Buffer, from: number): number | undefined {
  const at = bytes.indexOf(LF, from);
  if (at < 0) return undefined;
  if (bytes[at - 1] !== CR) throw new Error('a line of RESP2 ends in CR LF');
  return at + 1;
}

/** A request, as far as faults look at it. */
export interface RedisRequest {
  /** Of a function call: what Baton calls it, e.g. `commit`; of another command: its name in capitals. */
  readonly operation: string;
  /** The whole request, a character a byte. */
  readonly text: string;
}

export function readRequest(frame: Buffer): RedisRequest {
  const text = frame.toString('latin1');
  const [, , name = '', , first = ''] = text.split('\r\n', 5);
  const operation = /^fcall/i.test(name) ? first.replace(/^baton_[0-9a-f]+_/, '') : name;
  return { operation: operation === name ? name.toUpperCase() : operation, text };
}
