import type { RunProgress } from '../application/runs/run-view.ts';

export function progressText({ completed, failed, total }: RunProgress): string {
  return `${completed} of ${total} steps completed${failed > 0 ? `, ${failed} failed` : ''}`;
}
