import { z } from 'zod';
import { MAX_DURATION_MS } from './definition-limits.ts';

/** As written in a definition: `"1h30m"`, `"500ms"`, or whole milliseconds. */
export type DurationText = string | number;

export type ParsedDuration =
  { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly error: string };

const UNIT_MS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};
const SHAPE =
  /^(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m(?!s))?(?:(\d{1,12})s)?(?:(\d{1,15})ms)?$/;
const UNITS = ['d', 'h', 'm', 's', 'ms'] as const;

/** Whole milliseconds of a duration. Never throws; zero is allowed, negative and above 366 days are not. */
export function parseDuration(value: unknown): ParsedDuration {
  const ms =
    typeof value === 'number' ? value : typeof value === 'string' ? read(value) : undefined;
  if (ms === undefined || !Number.isSafeInteger(ms) || ms < 0) {
    return {
      ok: false,
      error:
        'expected a duration such as "500ms", "10s", "5m", "2h", "1d" or "1h30m", or whole milliseconds',
    };
  }
  if (ms > MAX_DURATION_MS) return { ok: false, error: 'a duration is at most 366 days' };
  return { ok: true, ms };
}

/** For a duration that a schema has already accepted. */
export function durationMs(value: DurationText): number {
  const parsed = parseDuration(value);
  if (!parsed.ok) throw new Error(`${JSON.stringify(value)}: ${parsed.error}`);
  return parsed.ms;
}

function read(text: string): number | undefined {
  const match = text === '' ? null : SHAPE.exec(text);
  if (match === null) return undefined;
  return UNITS.reduce(
    (sum, unit, at) => sum + Number(match[at + 1] ?? 0) * (UNIT_MS[unit] ?? 0),
    0,
  );
}

/** A duration in a definition or a step's input: text such as `1h30m`, or whole milliseconds. */
export const durationSchema = z.custom<DurationText>((value) => parseDuration(value).ok, {
  error: ({ input }) => {
    const parsed = parseDuration(input);
    return parsed.ok ? '' : parsed.error;
  },
});
