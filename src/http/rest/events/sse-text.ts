import type { TopicMessage } from '../../../application/bus/topic-reader.ts';
import { isoTime } from '../../../application/runs/step-view.ts';

/** How long a client waits before it connects again. */
const RETRY_MS = 2_000;
/** After a mistake of Baton's own, which may well be there again. */
const BROKEN_RETRY_MS = 60_000;

/** Tells a client when to come back, should the stream break. */
export const RETRY = `retry: ${RETRY_MS}\n\n`;

export const GOODBYE = `: the server ends this stream; come back with Last-Event-ID\nretry: ${RETRY_MS}\n\n`;

export const BROKEN = `event: error\nretry: ${BROKEN_RETRY_MS}\ndata: ${JSON.stringify({
  message: 'Baton made a mistake of its own; its log has the details.',
})}\n\n`;

/** A place without a message: a client that reconnects goes on from here. */
export function placeText(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** JSON has no line breaks of its own, so that one line of data holds it. */
export function messageText({ id, topic, cursor, occurredAtMs, body }: TopicMessage): string {
  const data = JSON.stringify({ id, topic, at: isoTime(occurredAtMs), body });
  return `id: ${cursor}\ndata: ${data}\n\n`;
}

/** Without a place: what comes next has one. */
export const GAP = `event: gap\ndata: ${JSON.stringify({
  message: 'Messages before these are no longer kept; this reader was away for too long.',
})}\n\n`;
