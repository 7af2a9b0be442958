import type { UseCaseError, UseCaseResult } from '../application/use-case.ts';
import { asCommand } from './as-command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export interface FailureReport {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly changed: 'nothing' | 'unknown';
  readonly next: string;
  readonly violations?: UseCaseError['violations'];
}

/** Ends a command: what happened, whether anything changed, what to do next. */
export class CliFailure extends Error {
  readonly report: FailureReport;

  constructor(report: FailureReport) {
    super(report.message);
    this.name = 'CliFailure';
    this.report = report;
  }
}

export function usageFailure(message: string, next: string, code = 'usage'): CliFailure {
  return new CliFailure({ exitCode: EXIT.usage, code, message, changed: 'nothing', next });
}

export function notFound(code: string, message: string, next: string): CliFailure {
  return new CliFailure({ exitCode: EXIT.notFound, code, message, changed: 'nothing', next });
}

/** The value, or the failure that ends the command. */
export function valueOf<Value>(result: UseCaseResult<Value>): Value {
  if (result.ok) return result.value;
  const { error } = result;
  throw new CliFailure({
    ...error,
    exitCode: exitCodeOf(error.code),
    message: asCommand(error.message),
    next: asCommand(error.next),
  });
}

const NOT_FOUND = new Set([
  'unknown_run',
  'unknown_workflow',
  'unknown_step',
  'unknown_step_kind',
  'unknown_approval',
  'unknown_checkpoint',
  'no_diff',
  'unknown_key',
]);
const BAD_INPUT = new Set([
  'invalid_arguments',
  'invalid_cursor',
  'invalid_definition',
  'invalid_input',
  'invalid_output',
  'invalid_payload',
  'invalid_topic',
  'output_too_large',
  'payload_too_large',
  'repository_unreadable',
]);

/** Everything else that a use case answers is a refusal by the run's state or an earlier request. */
function exitCodeOf(code: string): ExitCode {
  if (NOT_FOUND.has(code)) return EXIT.notFound;
  if (BAD_INPUT.has(code)) return EXIT.usage;
  if (code === 'run_unreadable') return EXIT.unexpected;
  return code === 'store_unavailable' ? EXIT.storeUnavailable : EXIT.refused;
}
