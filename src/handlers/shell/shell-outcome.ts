import type { JsonObject } from '../../domain/json.ts';
import type { StepHandlerError, StepOutcome } from '../../ports/step-handler.ts';
import type { KeptOutput } from './bounded-output.ts';
import type { GuardedEnd } from './guarded-command.ts';
import { parseCommandJson } from './parse-json.ts';
import type { Refusal } from './refusal.ts';
import type { ShellInput } from './shell-input.ts';

/** What an error quotes of each stream; the whole kept output stands only in the output of a completed step. */
const DETAIL_TAIL_CHARACTERS = 4_000;
const MESSAGE_TAIL_LINES = 5;
const MESSAGE_TAIL_CHARACTERS = 600;

export interface FinishedCommand {
  readonly end: GuardedEnd;
  readonly stdout: KeptOutput;
  readonly stderr: KeptOutput;
  readonly durationMs: number;
}

export function refused(refusal: Refusal): StepOutcome {
  return { kind: 'failed', error: { ...refusal, permanent: true } };
}

function tails(finished: FinishedCommand): JsonObject {
  return {
    stdout: finished.stdout.text.slice(-DETAIL_TAIL_CHARACTERS),
    stderr: finished.stderr.text.slice(-DETAIL_TAIL_CHARACTERS),
    durationMs: finished.durationMs,
  };
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n').slice(-MESSAGE_TAIL_LINES).join('\n');
  return lines === '' ? '' : `: ${lines.slice(-MESSAGE_TAIL_CHARACTERS)}`;
}

function failed(
  finished: FinishedCommand,
  error: Omit<StepHandlerError, 'details'>,
  details: JsonObject = {},
): StepOutcome {
  return { kind: 'failed', error: { ...error, details: { ...details, ...tails(finished) } } };
}

function outputLines(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function exited(finished: FinishedCommand, exitCode: number, input: ShellInput): StepOutcome {
  const { stdout, stderr, durationMs } = finished;
  if (!input.successCodes.includes(exitCode)) {
    const message = `${input.binary} exited with code ${exitCode}${lastLines(stderr.text)}`;
    return failed(finished, { code: `exit_${exitCode}`, message }, { exitCode });
  }
  const output: JsonObject = { exitCode, stdout: stdout.text, stderr: stderr.text, durationMs };
  if (stdout.truncated || stderr.truncated) output.truncated = true;
  if (input.parse === 'lines') output.lines = outputLines(stdout.text);
  if (input.parse === 'json') {
    const parsed = parseCommandJson(stdout.text);
    if ('problem' in parsed) return notJson(finished, parsed.problem);
    output.json = parsed.value;
  }
  return { kind: 'completed', output };
}

function notJson(finished: FinishedCommand, problem: string): StepOutcome {
  const reason = finished.stdout.truncated
    ? `${finished.stdout.totalBytes} bytes exceed "shell.outputLimitBytes"`
    : problem;
  const message = `standard output is not JSON: ${reason}`;
  return failed(finished, { code: 'output_not_json', message, effectState: 'done' });
}

/**
 * What became of the command, in the engine's words. Where it was cut off, how far it got is unknown; an exit code, in
 * contrast, is the command's own word that it failed.
 */
export function toOutcome(finished: FinishedCommand, input: ShellInput): StepOutcome {
  const { end } = finished;
  const name = input.binary;
  switch (end.kind) {
    case 'exited':
      return exited(finished, end.exitCode, input);
    case 'killed': {
      const message = `${name} was killed by ${end.signal}${lastLines(finished.stderr.text)}`;
      const code = `killed_${end.signal.toLowerCase()}`;
      return failed(finished, { code, message, effectState: 'unknown' });
    }
    case 'aborted':
      return failed(finished, {
        code: 'aborted',
        message: `${name} was stopped with its process group`,
        effectState: 'unknown',
      });
    case 'guard_lost':
      return failed(finished, {
        code: 'guard_lost',
        message: `the guard of ${name} was killed, and ${name} with it; how far it got is unknown`,
        effectState: 'unknown',
      });
    case 'not_started': {
      const message = `${name} could not be started: ${end.message}`;
      return failed(finished, {
        code: 'spawn_failed',
        message,
        permanent: end.code === 'E2BIG' || end.code.startsWith('ERR_'),
      });
    }
    case 'survived':
      return failed(finished, {
        code: 'kill_failed',
        message: `processes of group ${end.groupId} could not be killed; another attempt would race them`,
        permanent: true,
        effectState: 'unknown',
      });
  }
}
