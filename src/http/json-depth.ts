const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether JSON text is nested deeper than `levels` lists and objects. Reads the bytes once without recursion and before
 * anything is parsed: a parser, and whoever walks what it answers, may overflow its stack. Says nothing of
 * text that is no JSON.
 */
export function isDeeperThan(levels: number, text: Uint8Array): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) at = endOfString(text, at + 1);
    // Both brackets: in ASCII a list's and an object's differ in one bit.
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}

/** Of the closing quote, or of the end. */
function endOfString(text: Uint8Array, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === BACKSLASH) at += 1;
    else if (text[at] === QUOTE) return at;
  }
  return text.length;
}
