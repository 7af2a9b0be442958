import { RUN_MARKS } from '../../ports/run-store.ts';
import type { RunMark } from '../../ports/run-store.ts';

/** Where a mark stands in files: its bit of `runs.marks` and the index of the runs that have it. Never changes. */
export const STORED_MARKS: Readonly<Record<RunMark, { bit: number; index: string }>> = {
  awaits_person: { bit: 1, index: 'runs_awaiting_person' },
  has_checkpoints: { bit: 2, index: 'runs_with_checkpoints' },
};

export function marksToBits(marks: readonly RunMark[]): number {
  return marks.reduce((bits, mark) => bits | STORED_MARKS[mark].bit, 0);
}

/** In the order of `RUN_MARKS`. Bits of a newer Baton are not shown. */
export function bitsToMarks(bits: number): readonly RunMark[] {
  return RUN_MARKS.filter((mark) => (bits & STORED_MARKS[mark].bit) !== 0);
}
