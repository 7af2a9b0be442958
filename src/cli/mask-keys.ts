const KEY = /bok_[\w-]{20,}/g;

/** A key that was typed or pasted where it does not belong is not repeated. */
export function maskKeys(text: string): string {
  return text.replaceAll(KEY, 'bok_…');
}

export function holdsKey(text: string): boolean {
  return maskKeys(text) !== text;
}
