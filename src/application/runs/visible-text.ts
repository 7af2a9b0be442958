const MAX_LINE_CHARS = 100;

/** Control and format characters (terminal sequences, text direction, zero width), line ends and what is no character. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * Text of agents and definitions as it is shown to a person who decides by it: with what could move the cursor, change
 * colours or reorder letters written out, so that what is read is what was sent. Line ends and tabs stay.
 */
export function visibleText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(HIDDEN, (hidden) => (hidden === '\n' || hidden === '\t' ? hidden : escaped(hidden)));
}

/** On one line, cut after `maxChars`. */
export function visibleLine(text: string, maxChars = MAX_LINE_CHARS): string {
  const line = visibleText(text).replaceAll(/\s+/g, ' ').trim();
  return line.length <= maxChars ? line : `${line.slice(0, maxChars - 1)}…`;
}

/** On one line, but whole: what is to be typed is not shortened, nor are its spaces put together. */
export function visibleCommand(text: string): string {
  return visibleText(text).replaceAll(/[\n\t]/g, escaped);
}

/** Each line behind a bar: text in it cannot pass for Baton's own. */
export function quotedLines(text: string, maxChars: number): string[] {
  const visible = visibleText(text);
  const rest = visible.length - maxChars;
  const lines = visible
    .slice(0, maxChars)
    .split('\n')
    .map((line) => `  │ ${line}`);
  return rest > 0 ? [...lines, `  (and ${rest} characters more)`] : lines;
}

function escaped(hidden: string): string {
  return `\\u{${(hidden.codePointAt(0) ?? 0).toString(16)}}`;
}
