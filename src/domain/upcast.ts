import { z } from 'zod';
import { EVENT_SCHEMA_VERSION, runEventSchema, type RunEvent } from './events.ts';

/** Lifts an event of one schema version to the next; index 0 lifts version 1 to 2. */
export type Upcaster = (event: Record<string, unknown>) => Record<string, unknown>;

const upcasters: readonly Upcaster[] = [];

const versioned = z.looseObject({ schemaVersion: z.number().int().positive() });

export class UnreadableEventError extends Error {}

/**
 * Reads one stored event of any released version. Throws UnreadableEventError for text that is none, and
 * for events of a newer Baton: guessing at those would fold a wrong state.
 */
export function readEvent(text: string): RunEvent {
  const found = versioned.safeParse(parseJson(text));
  if (!found.success) throw new UnreadableEventError(`not an event: ${text.slice(0, 80)}`);
  const { schemaVersion } = found.data;
  if (schemaVersion > EVENT_SCHEMA_VERSION)
    throw new UnreadableEventError(
      `event schema ${schemaVersion} is newer than this Baton (${EVENT_SCHEMA_VERSION}); update Baton`,
    );
  const current = upcasters
    .slice(schemaVersion - 1)
    .reduce<Record<string, unknown>>((event, lift) => lift(event), found.data);
  const event = parseEvent(current);
  if (!event.success) throw new UnreadableEventError(z.prettifyError(event.error));
  return event.data;
}

function parseEvent(event: Record<string, unknown>) {
  try {
    return runEventSchema.safeParse(event);
  } catch (error) {
    // Of zod, which descends level by level.
    if (error instanceof RangeError)
      throw new UnreadableEventError('an event is nested too deeply');
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
