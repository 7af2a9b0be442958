import { styleText } from 'node:util';
import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';

/** One line of `get_workflow`: id, kind, status, and what else it says. */
export interface StepRow {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly attempts: number;
  readonly duration: string;
}

const STEP_LINE =
  /^([a-z]\w*) (shell|transform|wait|signal|fail) (\w+)(?: attempt (\d+))?(?: ([\d.]+ (?:ms|s)))?/;

export function stepRows(text: string): StepRow[] {
  return text.split('\n').flatMap((line) => {
    const [, id, kind, status, attempts, duration = ''] = STEP_LINE.exec(line) ?? [];
    if (id === undefined || kind === undefined || status === undefined) return [];
    return [{ id, kind, status, attempts: Number(attempts ?? 1), duration }];
  });
}

const MARKS: Record<string, string> = {
  completed: styleText('green', '✔'),
  failed: styleText('red', '✘'),
  running: styleText('cyan', '▶'),
  retrying: styleText('yellow', '↻'),
};

/** Redraws in place on a terminal; elsewhere prints a step when its status changes. */
export function createRunView(): { show(rows: readonly StepRow[]): void; done(): void } {
  const seen = new Map<string, string>();
  const live = process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined;
  const line = ({ id, status, attempts, duration }: StepRow): string =>
    `  ${MARKS[status] ?? '·'} ${id.padEnd(8)} ${status}${attempts > 1 ? ` (attempt ${attempts})` : ''} ${styleText('dim', duration)}`;
  return {
    show(rows) {
      if (live) return live(rows.map(line).join('\n'));
      for (const row of rows) {
        const state = `${row.status}#${row.attempts}`;
        if (seen.get(row.id) !== state && row.status !== 'pending') console.log(line(row));
        seen.set(row.id, state);
      }
    },
    done: () => live?.done(),
  };
}

export function stepTable(rows: readonly StepRow[]): string {
  const table = new Table({
    head: ['step', 'status', 'attempts', 'duration'],
    style: { head: [], border: [], compact: true },
  });
  for (const { id, status, attempts, duration } of rows)
    table.push([id, status, attempts, duration]);
  return table.toString();
}
