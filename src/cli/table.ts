import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.ts';

/** A table with borders for people at a terminal, aligned columns elsewhere; a cell is one line, whatever is in it. */
export async function printTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  if (terminal.isJson) return;
  const lines = rows.map((row) =>
    row.map((cell) => terminal.visible(cell).replaceAll(/[\n\t]+/g, ' ')),
  );
  if (!terminal.isInteractive) return printColumns(terminal, [head, ...lines]);
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: head.map((title) => terminal.style('bold', title)),
    style: { head: [], border: [], compact: true },
  });
  for (const line of lines) table.push(line);
  terminal.line(table.toString());
}

function printColumns(terminal: Terminal, rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries())
      widths[at] = Math.max(widths[at] ?? 0, stripVTControlCharacters(cell).length);
  for (const row of rows)
    terminal.line(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
