import { expect, test } from 'vitest';
import { outsideText } from '../../src/cli/connect/outside-text.ts';

const secret = 'hush!hush/7';
const headers = { Authorization: `Bearer ${secret}` };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each([
  ['percent', encodeURIComponent(secret)],
  [
    'percent of every character',
    secret.replaceAll(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`),
  ],
  ['percent, twice', encodeURIComponent(encodeURIComponent(secret))],
  ['base64', base64(secret)],
  ['base64 of the whole', base64(`Bearer ${secret}`)],
  ['base64 behind one character', base64(`x${secret}`)],
  ['base64 behind something', `no_${base64(`ab${secret}`)}`],
  ['base64url', Buffer.from(`${secret}???`).toString('base64url')],
  ['base64 in base64', base64(base64(secret))],
  ['hexadecimal', Buffer.from(secret).toString('hex')],
  ['another case', secret.toUpperCase()],
])('a header that a server repeats as %s is not shown', (_name, coded) => {
  expect(outsideText(`you sent ${coded} here`, headers)).toBe('***');
});

test('a password of Basic is masked as text too', () => {
  const basic = { Authorization: `Basic ${base64('anna:pass-word')}` };
  expect(outsideText('hello anna, with pass-word', basic)).toBe('hello ***, with ***');
});

test('other text is shown, on one line', () => {
  expect(outsideText('no bearer token\u001B[2J in 0123456789abcdef', headers)).toBe(
    'no bearer token\\u{1b}[2J in 0123456789abcdef',
  );
  expect(outsideText(`got "${secret}"`, headers)).toBe('got "***"');
});

test('a megabyte of what might be coded is looked through within the time of a test', () => {
  expect(outsideText('deadbeef'.repeat(2 ** 17), headers)).toMatch(/^(?:deadbeef)+.*…/);
});
