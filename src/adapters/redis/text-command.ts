import { Command } from 'ioredis';

/** Of arguments up to this length the line that says it is made once; almost all are shorter. */
const LENGTH_LINES = Array.from({ length: 2_048 }, (_, length) => `\r\n$${length}\r\n`);

/**
 * A command of many arguments, all of them text. The driver asks for the bytes of each argument by itself and puts
 * five pieces together for it: 17 µs a workflow of three steps, here 7.
 */
export class TextCommand extends Command {
  readonly #texts: readonly string[];

  constructor(name: string, texts: readonly string[]) {
    // Without the arguments: the driver would copy and look through them.
    super(name, [], { replyEncoding: 'utf8' });
    this.#texts = texts;
  }

  override toWritable(): Buffer {
    const bytes = this.#encode((text) => text.length);
    // Only where a text has other characters than ASCII has it more bytes than units.
    return bytes.isAscii ? bytes.buffer : this.#encode((text) => Buffer.byteLength(text)).buffer;
  }

  #encode(lengthOf: (text: string) => number): { buffer: Buffer; isAscii: boolean } {
    let whole = `*${this.#texts.length + 1}${lengthLine(this.name.length)}${this.name}`;
    for (const text of this.#texts) whole += lengthLine(lengthOf(text)) + text;
    whole += '\r\n';
    const buffer = Buffer.from(whole);
    return { buffer, isAscii: buffer.length === whole.length };
  }
}

function lengthLine(length: number): string {
  return LENGTH_LINES[length] ?? `\r\n$${length}\r\n`;
}
