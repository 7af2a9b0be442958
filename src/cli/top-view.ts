import type { Activity } from '../application/health/get-activity.ts';
import { visibleLine } from '../application/runs/visible-text.ts';
import { durationText } from './run-lines.ts';
import type { Terminal } from './terminal.ts';

/** Of a terminal whose size nobody knows. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };
/** Of each table: the pause before it, its titles and the count of what is left out. */
const LINES_BESIDE_ROWS = 3;
const TABLES = 3;
/** Where the cursor stands below a frame. */
const CURSOR_LINE = 1;
/** Of a table, and as many reasons. */
const MIN_ROWS = 3;

export interface ScreenSize {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

type Row = readonly string[];

/** One sample as text, no line wider than the screen, and not more lines than it has where tables can be cut. */
export function topFrame(
  terminal: Terminal,
  activity: Activity,
  size: ScreenSize = DEFAULT_SIZE,
): string {
  const { columns = DEFAULT_SIZE.columns, rows = DEFAULT_SIZE.rows } = size;
  const fit = (line: string): string => cut(line, columns);
  const head = [
    ...headOf(activity, columns).map(fit),
    ...reasonsOf(activity).map((reason) => terminal.style('yellow', fit(reason))),
  ];
  const free = rows - CURSOR_LINE - head.length - TABLES * LINES_BESIDE_ROWS;
  const perTable = Math.max(MIN_ROWS, Math.floor(free / TABLES));
  const table = (titles: Row, all: readonly Row[]): string[] => {
    const [first = '', ...lines] = aligned([titles, ...all.slice(0, perTable)]).map(fit);
    const hidden = all.length - perTable;
    return [
      '',
      terminal.style('bold', first),
      ...lines,
      ...(hidden > 0 ? [fit(`  and ${hidden} more`)] : []),
    ];
  };
  return [
    ...head,
    ...table(['QUEUE', 'WAITING', 'RUNNING', 'OLDEST'], queueRows(activity)),
    ...table(['WORKER', 'BUSY', 'UP', 'PID', 'HOST', 'QUEUES'], workerRows(activity)),
    ...table(['HELD FOR', 'RUN', 'STEP', 'WORKER'], leaseRows(activity)),
  ].join('\n');
}

/** Two lines where one is too narrow. */
function headOf({ atMs, status, rates, queues, workers }: Activity, columns: number): string[] {
  const sum = (of: 'waiting' | 'leased'): number =>
    queues.reduce((total, queue) => total + queue[of], 0);
  const speed =
    rates === undefined
      ? 'rates not measured yet'
      : `${perSecond(rates.runs)} workflows/s, ${perSecond(rates.steps)} steps/s`;
  const time = new Date(atMs).toISOString().slice(11, 19);
  const first = `baton top ${time} UTC  ${status}  ${speed}`;
  const second = `${sum('waiting')} waiting, ${sum('leased')} running, ${workers.length} worker(s)`;
  const line = `${first}  ${second}`;
  return line.length <= columns ? [line] : [first, second];
}

function reasonsOf({ status, reasons }: Activity): string[] {
  if (status === 'ok') return [];
  return reasons.slice(0, MIN_ROWS).map((reason) => `! ${visibleLine(reason)}`);
}

function queueRows({ queues, atMs }: Activity): Row[] {
  return [...queues]
    .sort((a, b) => b.waiting - a.waiting || b.leased - a.leased)
    .map(({ queue, waiting, leased, oldestWaitingSinceMs }) => [
      visibleLine(queue),
      String(waiting),
      String(leased),
      oldestWaitingSinceMs === undefined ? '' : durationText(atMs - oldestWaitingSinceMs),
    ]);
}

function workerRows({ workers, atMs }: Activity): Row[] {
  return [...workers]
    .sort((a, b) => b.busy - a.busy)
    .map(({ workerId, busy, limit, startedAtMs, pid, host, queues }) => [
      visibleLine(workerId),
      `${busy}/${limit}`,
      durationText(atMs - startedAtMs),
      String(pid),
      visibleLine(host),
      visibleLine(queues.join(', ')),
    ]);
}

function leaseRows({ leases }: Activity): Row[] {
  return leases.map(({ heldMs, runId, step, workerId }) => [
    durationText(heldMs),
    runId,
    visibleLine(step),
    visibleLine(workerId),
  ]);
}

function aligned(rows: readonly Row[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}

function perSecond(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}
