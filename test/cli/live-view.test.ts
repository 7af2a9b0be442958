import { expect, test } from 'vitest';
import type { WorkflowView } from '../../src/application/runs/get-workflow.ts';
import { frameOf } from '../../src/cli/live-view.ts';
import { silentTerminal } from './silent-terminal.ts';

function view(statuses: readonly ('completed' | 'running' | 'pending')[]): WorkflowView {
  const completed = statuses.filter((status) => status === 'completed').length;
  return {
    run_id: 'r1',
    workflow: 'w',
    version: 1,
    status: 'running',
    started_at: '2026-01-01T00:00:00.000Z',
    duration_ms: 1_234,
    progress: { completed, failed: 0, dropped: 0, total: statuses.length },
    steps: statuses.map((status, at) => ({ id: `s${at}`, uses: 'shell', status, attempts: 1 })),
    approvals: [],
    checkpoints: [],
    attention: [],
    next: [],
  };
}

test('a frame shows head, bar and steps in the order of the definition', () => {
  expect(
    frameOf(silentTerminal, view(['completed', 'running', 'pending', 'completed'])).split('\n'),
  ).toEqual([
    'r1 w@1 running: 2 of 4 steps completed, 1.2 s',
    `  ${'█'.repeat(12)}${'░'.repeat(12)} 2/4`,
    '  s0  completed',
    '  s1  running',
    '  s2  pending',
    '  s3  completed',
  ]);
});

test('of many steps the open ones are shown first, never more than fit', () => {
  const frame = frameOf(
    silentTerminal,
    view([...Array<'completed'>(30).fill('completed'), 'running']),
  );
  expect(frame).toContain('  s30  running');
  expect(frame).toContain('  s29  completed');
  expect(frame).not.toContain('  s10 ');
  expect(frame).toContain('and 11 more');
  expect(frame.split('\n')).toHaveLength(23);
});
