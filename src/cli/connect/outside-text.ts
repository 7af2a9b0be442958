import { visibleLine } from '../../application/runs/visible-text.ts';

const MASK = '***';
const MAX_OUTSIDE_CHARS = 200;
/** Shorter ones stand in any text. */
const MIN_SECRET_CHARS = 4;
/** Looked through; far more than is shown. */
const MAX_SEARCHED_CHARS = 16_000;
/** Codings within each other that are looked through. */
const MAX_LAYERS = 3;
/** Known to everybody, and a word that servers use. */
const SCHEME = /^(?:bearer|basic|digest|token|apikey|negotiate)$/i;
const BASE64 = /[\w+/-]{4,}/g;
const HEX = /[\da-f]{8,}/gi;

/**
 * Text from outside: on one line, steering nothing, and without the headers that the server was sent, which some repeat.
 * One that holds them in another coding (percent, base64, hexadecimal, other case) is not shown at all.
 */
export function outsideText(text: string, headers: Readonly<Record<string, string>>): string {
  const secrets = Object.values(headers).flatMap(partsOf);
  let masked = text;
  for (const secret of secrets.toSorted((a, b) => b.length - a.length))
    masked = masked.replaceAll(secret, MASK);
  const hidden = secrets.filter((secret) => !SCHEME.test(secret));
  const searched = masked.slice(0, MAX_SEARCHED_CHARS);
  return holdsAny(searched, hidden, MAX_LAYERS) ? MASK : visibleLine(masked, MAX_OUTSIDE_CHARS);
}

/** The whole, its words, and what they say decoded: `Basic` holds a password in base64. */
function partsOf(value: string): string[] {
  const words = [value, ...value.split(/[\s,;:=]+/)];
  const decoded = words.flatMap((word) => {
    const text = Buffer.from(word, 'base64').toString('latin1');
    return /^[ -~]+$/.test(text) ? [text, ...text.split(':')] : [];
  });
  return [...words, ...decoded].filter(({ length }) => length >= MIN_SECRET_CHARS);
}

function holdsAny(text: string, secrets: readonly string[], layers: number): boolean {
  const plain = text.toLowerCase();
  if (secrets.some((secret) => plain.includes(secret.toLowerCase()))) return true;
  return layers > 0 && decodingsOf(text).some((inner) => holdsAny(inner, secrets, layers - 1));
}

/** Each part that could be coded, decoded. */
function decodingsOf(text: string): string[] {
  const percent = text.replaceAll(/%([\da-f]{2})/gi, (_all, code: string) => latin1(code, 'hex'));
  const base64 = text.match(BASE64) ?? [];
  const hex = text.match(HEX) ?? [];
  // What stands directly before it moves the beginning, of base64 by up to three characters, of hexadecimal by one.
  return [
    percent,
    ...[0, 1, 2, 3].map((from) => base64.map((part) => latin1(part.slice(from), 'base64'))),
    ...[0, 1].map((from) => hex.map((part) => latin1(part.slice(from), 'hex'))),
  ]
    .map((inner) => (typeof inner === 'string' ? inner : inner.join(' ')))
    .filter((inner) => inner !== text && inner !== '');
}

function latin1(text: string, coding: 'base64' | 'hex'): string {
  return Buffer.from(text, coding).toString('latin1');
}
