import { reject, type Ruling } from '../decision.ts';

/** A report on an attempt that is over. */
export function staleAttempt({ step, attempt }: { step: string; attempt: number }): Ruling {
  return reject(
    'stale_attempt',
    `Attempt ${attempt} of step "${step}" is not running; its report was not recorded.`,
    'Drop the work: another attempt or the run itself has moved on.',
  );
}
