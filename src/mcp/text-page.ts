/** Characters that a value takes in the result as the client receives it: JSON, so that a newline counts twice. */
export function costOf(value: unknown): number {
  return JSON.stringify(value).length;
}

/** `text` in at most `maxChars` characters. */
export function clip(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}

/** The beginning of a text in about `budget` characters as the client receives it. */
export function clipToCost(text: string, budget: number): string {
  const { piece, nextOffset } = pieceOf(text, 0, budget);
  return nextOffset === undefined ? piece : `${piece}…`;
}

/**
 * Divides a budget among texts: who wants little gets all of it, and what that leaves is divided among the others by
 * their weights.
 */
export function sharesOf(
  wants: readonly { readonly cost: number; readonly weight: number }[],
  budget: number,
): number[] {
  const shares = wants.map(() => 0);
  let left = budget;
  let weights = wants.reduce((sum, { weight }) => sum + weight, 0);
  const modestFirst = [...wants.entries()].sort(
    ([, a], [, b]) => a.cost / a.weight - b.cost / b.weight,
  );
  for (const [at, { cost, weight }] of modestFirst) {
    const share = Math.min(cost, Math.floor((left * weight) / weights));
    shares[at] = share;
    left -= share;
    weights -= weight;
  }
  return shares;
}

export interface Page {
  readonly lines: string[];
  /** Where the next page begins; absent when everything was shown. */
  readonly nextOffset?: number;
}

/** Lines from `offset` on, as many as `budget` characters take; always at least one, clipped if it must be. */
export function pageOf(lines: readonly string[], offset: number, budget: number): Page {
  const shown: string[] = [];
  let left = budget;
  for (const line of lines.slice(offset)) {
    const cost = costOf(line);
    if (cost > left) break;
    left -= cost;
    shown.push(line);
  }
  const first = lines[offset];
  if (shown.length === 0 && first !== undefined) shown.push(clip(first, Math.max(80, budget / 2)));
  const nextOffset = offset + shown.length;
  return { lines: shown, ...(nextOffset < lines.length && { nextOffset }) };
}

/** A piece of a long text, which fits as it is `shown`; `offset` counts characters of the text itself. */
export function pieceOf(
  text: string,
  offset: number,
  budget: number,
  shown: (piece: string) => string = (piece) => piece,
): { piece: string; nextOffset?: number } {
  let piece = text.slice(offset, offset + budget);
  // Quotes, backslashes and newlines cost more than one character each.
  for (let cost = costOf(shown(piece)); cost > budget && piece.length > 80;) {
    piece = piece.slice(0, Math.max(80, Math.floor((piece.length * budget) / cost) - 10));
    cost = costOf(shown(piece));
  }
  const nextOffset = offset + piece.length;
  return { piece, ...(nextOffset < text.length && { nextOffset }) };
}
