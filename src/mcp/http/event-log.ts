import {
  isJSONRPCErrorResponse,
  isJSONRPCResultResponse,
  type EventStore,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';

interface LoggedEvent {
  readonly streamId: string;
  readonly text: string;
}

export interface EventLogLimits {
  readonly events: number;
  readonly bytes: number;
}

/** What the event logs of one process may hold together. */
export class EventBudget {
  readonly #maxBytes: number;
  readonly #logs = new Set<EventLog>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  join(log: EventLog): void {
    this.#logs.add(log);
  }

  leave(log: EventLog): void {
    if (this.#logs.delete(log)) this.#bytes -= log.bytes;
  }

  /** Whoever holds most gives way first. */
  add(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) {
      let largest: EventLog | undefined;
      for (const log of this.#logs) if (log.bytes > (largest?.bytes ?? 0)) largest = log;
      if (largest?.dropOldest() !== true) return;
    }
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/**
 * The messages that one session was sent, so that a client whose stream was cut goes on behind the last that it saw
 * (`Last-Event-ID`). Kept in this process's memory and bounded: oldest go first, and all are gone with the process, whose
 * clients start a new session then. What a run did stands in the store, not here.
 */
export class EventLog implements EventStore {
  readonly #limits: EventLogLimits;
  readonly #budget: EventBudget;
  readonly #events = new Map<number, LoggedEvent>();
  #lastId = 0;
  #bytes = 0;
  #isClosed = false;
  #replay: Promise<undefined> | undefined;

  constructor(limits: EventLogLimits, budget: EventBudget) {
    this.#limits = limits;
    this.#budget = budget;
    budget.join(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(eventId: string): boolean {
    return this.#events.has(Number(eventId));
  }

  /** Whether it is an answer, and nothing was sent behind it in its stream (so far: a batch has several). */
  endsWithAnswer(eventId: string): boolean {
    const from = Number(eventId);
    const event = this.#events.get(from);
    if (event === undefined) return false;
    for (const [id, { streamId }] of this.#events)
      if (id > from && streamId === event.streamId) return false;
    const message: unknown = JSON.parse(event.text);
    return isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#isClosed) return String(id);
    const text = JSON.stringify(message);
    this.#events.set(id, { streamId, text });
    this.#bytes += text.length;
    this.#budget.add(text.length);
    while (this.#isFull()) this.dropOldest();
    // The transport looks for the stream when this is done: by then a replay has put its stream in place.
    await this.#replay;
    return String(id);
  }

  // Without `getStreamIdForEventId`: with it the SDK refuses (409) a client that comes back before the server has noticed
  // that its old connection is dead; so the new stream takes the place of the old one.
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const from = Number(lastEventId);
    const first = this.#events.get(from);
    if (first === undefined) throw new Error('the event is not kept');
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#replay = promise;
    try {
      // A map tells what is added while it is walked through, too.
      for (const [id, { streamId, text }] of this.#events) {
        if (id <= from || streamId !== first.streamId || text === '{}') continue;
        await send(String(id), JSON.parse(text) as JSONRPCMessage); // as it was stored
      }
    } finally {
      // Behind the continuation of whoever called.
      setImmediate(() => {
        if (this.#replay === promise) this.#replay = undefined;
        resolve(undefined);
      });
    }
    return first.streamId;
  }

  dropOldest(): boolean {
    const [oldest] = this.#events;
    if (oldest === undefined) return false;
    const [id, { text }] = oldest;
    this.#events.delete(id);
    this.#bytes -= text.length;
    this.#budget.remove(text.length);
    return true;
  }

  /** For good. */
  close(): void {
    this.#isClosed = true;
    this.#budget.leave(this);
    this.#events.clear();
    this.#bytes = 0;
  }

  #isFull(): boolean {
    return (
      this.#events.size > this.#limits.events ||
      // The newest is kept however large it is.
      (this.#bytes > this.#limits.bytes && this.#events.size > 1)
    );
  }
}
