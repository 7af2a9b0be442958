import { closest, distance } from 'fastest-levenshtein';

/** The candidate that was probably meant, or `undefined` when none is near enough to be a slip of the pen. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || name.length > 200) return undefined;
  const candidate = closest(name.toLowerCase(), candidates);
  const allowed = Math.max(2, Math.floor(candidate.length / 3));
  return distance(name.toLowerCase(), candidate.toLowerCase()) <= allowed ? candidate : undefined;
}
