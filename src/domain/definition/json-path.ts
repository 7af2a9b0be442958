/** Place of a value for people: `steps[3].with["a b"]`. */
export type PathSegment = string | number;

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]*$/;

export function joinPath(base: string, segment: PathSegment): string {
  if (typeof segment === 'number') return `${base}[${segment}]`;
  if (!PLAIN.test(segment)) return `${base}[${JSON.stringify(segment)}]`;
  return base === '' ? segment : `${base}.${segment}`;
}

export function formatPath(segments: readonly PropertyKey[], base = ''): string {
  return segments.reduce<string>(
    (path, segment) => joinPath(path, typeof segment === 'number' ? segment : String(segment)),
    base,
  );
}
