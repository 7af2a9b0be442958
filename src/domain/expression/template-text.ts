/** A piece of a string: text as it stands, or the source of an expression. */
export type TextPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly source: string };

export type SplitText =
  | { readonly ok: true; readonly parts: readonly TextPart[] }
  | { readonly ok: false; readonly error: string };

const OPEN = '${{';
const ESCAPED = '$${{';
const CLOSE = '}}';

export function mayHoldExpression(text: string): boolean {
  return text.includes(OPEN);
}

/** Splits `a ${{ b }} c`. `$${{` stands for a literal `${{`. Quotes and braces inside an expression are understood. */
export function splitText(text: string): SplitText {
  const parts: TextPart[] = [];
  let literal = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    if (open < 0) break;
    if (open > at && text.startsWith(ESCAPED, open - 1)) {
      literal += text.slice(at, open - 1) + OPEN;
      at = open + OPEN.length;
      continue;
    }
    const close = findClose(text, open + OPEN.length);
    if (close === undefined) return { ok: false, error: 'a "${{" is not closed by "}}"' };
    literal += text.slice(at, open);
    if (literal !== '') parts.push({ kind: 'text', text: literal });
    literal = '';
    parts.push({ kind: 'expression', source: text.slice(open + OPEN.length, close) });
    at = close + CLOSE.length;
  }
  literal += text.slice(at);
  if (literal !== '' || parts.length === 0) parts.push({ kind: 'text', text: literal });
  return { ok: true, parts };
}

function findClose(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "'") {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (character === '{') {
      depth += 1;
    } else if (character === '}') {
      if (depth === 0) return text.startsWith(CLOSE, at) ? at : undefined;
      depth -= 1;
    }
  }
  return undefined;
}

// CEL's strings: 'x', "x", three quotes, and r'x', in which a backslash is a character like any other.
function endOfString(text: string, start: number): number | undefined {
  const quote = text.charAt(start);
  const delimiter = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  const isRaw = /(?:^|[^A-Za-z0-9_])[bB]?[rR][bB]?$/.test(
    text.slice(Math.max(0, start - 3), start),
  );
  for (let at = start + delimiter.length; at < text.length; at++) {
    if (text[at] === '\\' && !isRaw) at += 1;
    else if (text.startsWith(delimiter, at)) return at + delimiter.length;
  }
  return undefined;
}
