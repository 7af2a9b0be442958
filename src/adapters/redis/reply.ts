import { StoreUnavailableError } from '../../ports/run-store.ts';

/** What comes back from Redis: checked where it is read. */
export type Reply = string | number | Buffer | null | readonly Reply[];

export function list(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : unexpected(reply);
}

export function text(reply: Reply | undefined): string {
  return typeof reply === 'string' ? reply : unexpected(reply);
}

/** Functions answer numbers as text. */
export function integer(reply: Reply | undefined): number {
  const value = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unexpected(reply);
}

export function texts(reply: Reply | undefined): readonly string[] {
  return list(reply).map(text);
}

/** '' stands for nothing. */
export function optionalText(reply: Reply | undefined): string | undefined {
  return reply === '' ? undefined : text(reply);
}

export function optionalInteger(reply: Reply | undefined): number | undefined {
  return reply === '' ? undefined : integer(reply);
}

/** Reads the values of a flat reply one after the other. */
export class ReplyReader {
  readonly #values: readonly Reply[];
  #at = 0;

  constructor(reply: Reply) {
    this.#values = list(reply);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#values.length;
  }

  text(): string {
    return text(this.#next());
  }

  integer(): number {
    return integer(this.#next());
  }

  optionalText(): string | undefined {
    return optionalText(this.#next());
  }

  optionalInteger(): number | undefined {
    return optionalInteger(this.#next());
  }

  #next(): Reply | undefined {
    this.#at += 1;
    return this.#values[this.#at - 1];
  }
}

function unexpected(reply: Reply | undefined): never {
  const shown = reply === null ? 'nil' : typeof reply;
  throw new StoreUnavailableError(
    `Redis answered ${shown} where another type belongs: is the store damaged?`,
  );
}

/** What INFO answers: names and values. */
export function parseInfo(info: string): ReadonlyMap<string, string> {
  const lines = info.split('\r\n').map((line) => line.split(':', 2));
  return new Map(lines.map(([name = '', value = '']) => [name, value]));
}
