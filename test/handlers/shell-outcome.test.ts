import { describe, expect, test } from 'vitest';
import type { GuardedEnd } from '../../src/handlers/shell/guarded-command.ts';
import { canonicalJson } from '../../src/domain/definition/canonical-json.ts';
import { parseReport } from '../../src/handlers/shell/guard-script.ts';
import { parseCommandJson } from '../../src/handlers/shell/parse-json.ts';
import { parseShellInput } from '../../src/handlers/shell/shell-input.ts';
import { toOutcome } from '../../src/handlers/shell/shell-outcome.ts';
import type { StepHandlerError } from '../../src/ports/step-handler.ts';
import { errorOf } from './fixtures/step-context.ts';

const SILENT = { text: '', truncated: false, totalBytes: 0 };

function errorFor(end: GuardedEnd, stdout = SILENT): StepHandlerError {
  const input = parseShellInput({ command: ['make', 'all'], parse: 'json' });
  if ('code' in input) throw new Error(input.message);
  return errorOf(toOutcome({ end, stdout, stderr: SILENT, durationMs: 1 }, input));
}

describe('the outcome of a command', () => {
  test('that could not be killed is never retried, so that no attempt races it', () => {
    const error = errorFor({ kind: 'survived', groupId: 4711 });
    expect(error).toMatchObject({ code: 'kill_failed', permanent: true });
    expect(error.message).toContain('4711');
  });

  test.each<{ end: GuardedEnd; code: string; effectState: string | undefined }>([
    { end: { kind: 'killed', signal: 'SIGKILL' }, code: 'killed_sigkill', effectState: 'unknown' },
    { end: { kind: 'guard_lost' }, code: 'guard_lost', effectState: 'unknown' },
    { end: { kind: 'survived', groupId: 7 }, code: 'kill_failed', effectState: 'unknown' },
    { end: { kind: 'aborted' }, code: 'aborted', effectState: 'unknown' },
    { end: { kind: 'exited', exitCode: 0 }, code: 'output_not_json', effectState: 'done' },
    { end: { kind: 'exited', exitCode: 2 }, code: 'exit_2', effectState: undefined },
    {
      end: { kind: 'not_started', code: 'EAGAIN', message: 'spawn EAGAIN' },
      code: 'spawn_failed',
      effectState: undefined,
    },
  ])('says what is known of the effect: $code is $effectState', ({ end, code, effectState }) => {
    const error = errorFor(end);
    expect([error.code, error.effectState]).toEqual([code, effectState]);
  });

  test.each([20_000, 66])('that is JSON %i levels deep is refused as too deep', (depth) => {
    const text = '['.repeat(depth) + ']'.repeat(depth);
    const error = errorFor(
      { kind: 'exited', exitCode: 0 },
      { text, truncated: false, totalBytes: text.length },
    );
    expect(error).toMatchObject({ code: 'output_not_json', effectState: 'done' });
    expect(error.message).toContain('nested too deeply');
  });

  test('may be JSON as deep as any value from outside', () => {
    const text = '{"a":'.repeat(64) + '[]' + '}'.repeat(64);
    expect(parseCommandJson(text)).toEqual({ value: JSON.parse(text) as unknown });
    expect(canonicalJson(JSON.parse(text))).toBe(text);
    expect(canonicalJson(JSON.parse(`[${text}]`))).toBeUndefined();
  });

  test.each([
    ['EAGAIN', false],
    ['ENOMEM', false],
    ['E2BIG', true],
    ['ERR_INVALID_ARG_VALUE', true],
  ])('that could not start (%s) is permanent: %s', (code, permanent) => {
    const error = errorFor({ kind: 'not_started', code, message: `spawn ${code}` });
    expect(error).toMatchObject({ code: 'spawn_failed', permanent });
    expect(error.message).toContain(`make could not be started: spawn ${code}`);
  });
});

describe('the guard’s report', () => {
  test.each([
    ['exit 0\n', { kind: 'exited', exitCode: 0 }],
    ['exit 137\n', { kind: 'exited', exitCode: 137 }],
    ['Killed\nexit 137\n', { kind: 'killed', signalNumber: 9 }],
    [
      'baton-guard: line 6:  5020 Segmentation fault  (core dumped) ( exec "$@" )\nexit 139\n',
      { kind: 'killed', signalNumber: 11 },
    ],
    ['some warning\nexit 2\n', { kind: 'exited', exitCode: 2 }],
    ['exit 1', undefined],
    ['Killed\n', undefined],
    ['', undefined],
  ])('%j reads as %j', (report, expected) => {
    expect(parseReport(report)).toEqual(expected);
  });
});
