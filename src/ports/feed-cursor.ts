import { InvalidCursorError } from './run-store.ts';

/** A place in one part of a feed: numbers that only the adapter reads. */
export type FeedPlace = readonly number[];

/** One place for each part of the feed, as text; `format` tells cursors of different stores apart. */
export function formatFeedCursor(format: string, places: readonly FeedPlace[]): string {
  return `${format}.${places.map((place) => place.join('-')).join('.')}`;
}

/** Throws InvalidCursorError for what is no cursor of such a feed. */
export function parseFeedCursor(
  cursor: string,
  { format, parts, numbers }: { format: string; parts: number; numbers: number },
): FeedPlace[] {
  const [found, ...texts] = cursor.split('.');
  if (found !== format || texts.length !== parts) refuse();
  return texts.map((text) => {
    const place = text.split('-').map((part) => {
      const value = /^\d{1,16}$/.test(part) ? Number(part) : Number.NaN;
      return Number.isSafeInteger(value) ? value : refuse();
    });
    return place.length === numbers ? place : refuse();
  });
}

function refuse(): never {
  throw new InvalidCursorError('not a cursor of the feed of this store');
}
