import { parseDuration } from '../domain/definition/duration.ts';
import { usageFailure } from './cli-failure.ts';
import type { Invocation } from './cli.ts';

/** Milliseconds of an option such as `--interval 2s`; `undefined` when it was not given. */
export function durationOption(
  invocation: Invocation,
  name: string,
  bounds: { readonly minMs: number; readonly maxMs: number },
): number | undefined {
  const text = invocation.text(name);
  if (text === undefined) return undefined;
  const parsed = parseDuration(text);
  const problem = parsed.ok
    ? parsed.ms < bounds.minMs || parsed.ms > bounds.maxMs
      ? `expected ${bounds.minMs / 1_000} to ${bounds.maxMs / 1_000} seconds`
      : undefined
    : parsed.error;
  if (!parsed.ok || problem !== undefined)
    throw usageFailure(`--${name}: ${problem ?? ''}`, `For example: --${name} 10s`);
  return parsed.ms;
}
