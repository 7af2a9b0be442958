import { median } from '../measure.ts';

/** A row of a table: one system under one measure. */
export interface Row {
  readonly name: string;
  readonly cells: Readonly<Record<string, number | string>>;
}

export interface Section {
  readonly title: string;
  readonly note?: string;
  readonly rows: readonly Row[];
}

/** What the design asks for, and what was measured. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly kind: 'at least' | 'below';
  readonly isMet: boolean;
}

export function atLeast(name: string, value: number, limit: number, unit: string): Bar {
  return { name, value, unit, limit, kind: 'at least', isMet: value >= limit };
}

export function below(name: string, value: number, limit: number, unit: string): Bar {
  return { name, value, unit, limit, kind: 'below', isMet: value < limit };
}

/** How many times as much as the other. Nothing was measured where the other is nothing. */
export function ratioBar(name: string, value: number, other: number, limit: number): Bar {
  return atLeast(name, other > 0 ? value / other : Number.NaN, limit, 'times');
}

/** Each figure's median over the rounds: figures of one round need not stand in one row. */
export function medians<Figures extends { readonly [Name in keyof Figures]: number }>(
  rounds: readonly Figures[],
): Figures {
  const [first] = rounds;
  if (first === undefined) throw new RangeError('nothing was measured');
  // Object.keys answers text though the keys of Figures are known.
  const names = Object.keys(first) as (keyof Figures)[];
  const entries = names.map((name) => [name, median(rounds.map((round) => round[name]))] as const);
  // The same keys with numbers again.
  return Object.fromEntries(entries) as unknown as Figures;
}

/** A B C A B C …: what else the machine does falls on all alike. */
export async function interleaved<Figures>(
  rounds: number,
  measures: ReadonlyMap<string, (round: number) => Promise<Figures>>,
): Promise<Map<string, Figures[]>> {
  const taken = new Map<string, Figures[]>([...measures.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const [name, measure] of measures) taken.get(name)?.push(await measure(round));
  return taken;
}

export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return 'not measured';
  const size = Math.abs(value);
  const digits = size < 10 ? 2 : size < 100 ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** As aligned text; columns are those of the first row. */
export function showTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export function showSection({ title, note, rows }: Section): string {
  const columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const cellText = (value: number | string | undefined): string =>
    typeof value === 'number' ? showNumber(value) : (value ?? '');
  const table = showTable(
    ['', ...columns],
    rows.map(({ name, cells }) => [name, ...columns.map((column) => cellText(cells[column]))]),
  );
  return [title, ...(note === undefined ? [] : [note]), table].join('\n');
}

export function showBars(bars: readonly Bar[]): string {
  return showTable(
    ['bar', 'asked', 'measured', ''],
    bars.map(({ name, kind, limit, unit, value, isMet }) => [
      name,
      `${kind} ${showNumber(limit)} ${unit}`,
      showNumber(value),
      isMet ? 'met' : 'MISSED',
    ]),
  );
}
