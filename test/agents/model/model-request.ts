/** A tool call of the scripted model, and what the client sent back as its result. */
export interface Exchange {
  /** As the client names it to the model, e.g. `baton_list_catalog`. */
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Exactly what reaches the model. */
  readonly result: string;
}

/** One request of a client to its model, whatever the vendor's format. */
export interface ModelRequest {
  /** Names of the tools offered. */
  readonly tools: readonly string[];
  /** System prompt and messages of the user. */
  readonly prompt: string;
  /** Of the whole conversation, oldest first. */
  readonly exchanges: readonly Exchange[];
}

/** What the model answers. */
export type Turn =
  | {
      readonly kind: 'call';
      readonly tool: string;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'say'; readonly text: string };

/** An answer over HTTP. */
export interface ModelAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** How one vendor's clients write requests and read answers. */
export interface ModelFormat {
  /** Undefined when this request asks for no turn of the model (a list of models, a count of tokens). */
  parse(path: string, body: unknown): ModelRequest | undefined;
  /** The answer to a request that {@link parse} has read. */
  answer(path: string, body: unknown, turn: Turn): ModelAnswer;
  /** The answer to any other request; undefined: not found. */
  other(path: string): ModelAnswer | undefined;
}

export function json(value: unknown): ModelAnswer {
  return { contentType: 'application/json', body: JSON.stringify(value) };
}

/** Server-sent events, one a value; a string is sent as it is. */
export function serverSentEvents(values: readonly unknown[]): ModelAnswer {
  const body = values
    .map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`)
    .join('');
  return { contentType: 'text/event-stream', body };
}
