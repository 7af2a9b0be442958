import { parseAccept } from 'hono/utils/accept';

/** The type that the caller prefers of those offered, the first of equals; `undefined`: it takes none of them. */
export function acceptedType(
  header: string | undefined,
  offered: readonly string[],
): string | undefined {
  if (header === undefined || header.trim() === '') return offered[0];
  const wanted = parseAccept(header);
  const weighed = offered.map((type) => ({ type, quality: qualityOf(type, wanted) }));
  const best = weighed.reduce((a, b) => (b.quality > a.quality ? b : a));
  return best.quality > 0 ? best.type : undefined;
}

/** As the most specific range that fits says (RFC 9110, 12.5.1). */
function qualityOf(type: string, wanted: ReturnType<typeof parseAccept>): number {
  const [family = ''] = type.split('/');
  for (const range of [type, `${family}/*`, '*/*']) {
    const found = wanted.find((one) => one.type.toLowerCase() === range);
    if (found !== undefined) return found.q;
  }
  return 0;
}

export function isJson(contentType: string | undefined): boolean {
  return /^application\/(?:[\w.-]+\+)?json$/.test(typeOf(contentType));
}

/** Without its parameters. */
export function typeOf(contentType = ''): string {
  const [type = ''] = contentType.split(';');
  return type.trim().toLowerCase();
}
