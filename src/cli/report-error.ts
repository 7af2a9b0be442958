import { CommanderError } from 'commander';
import { StoreFileError } from '../adapters/sqlite/store-file-error.ts';
import { RedisStoreError } from '../adapters/redis/redis-store-error.ts';
import { visibleText } from '../application/runs/visible-text.ts';
import { ConfigError } from '../config/config-error.ts';
import { StoreUnavailableError } from '../ports/run-store.ts';
import { CliFailure, type FailureReport } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { maskKeys } from './mask-keys.ts';

/**
 * Tells on standard error what happened, whether anything was changed and what to do next; with `json` as one JSON
 * document. Answers the exit code.
 */
export function reportError(error: unknown, json: boolean): ExitCode {
  const report = reportOf(error);
  const { exitCode, ...document } = report;
  const text = json
    ? `${JSON.stringify({ error: document, exit_code: exitCode })}\n`
    : visibleText(textOf(report));
  process.stderr.write(maskKeys(text));
  return exitCode;
}

function textOf({ message, changed, next, violations = [] }: FailureReport): string {
  const details = violations
    .filter(({ path, message: detail }) => !message.includes(`${path}: ${detail}`))
    .map(({ path, message: detail, suggestion }) => {
      const hint = suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`;
      return `  ${path === '' ? '' : `${path}: `}${detail}${hint}`;
    });
  const effect =
    changed === 'nothing' ? 'Nothing was changed.' : 'It is unknown whether anything was changed.';
  return [`error: ${message}`, ...details, effect, `Next: ${next}`, ''].join('\n');
}

function reportOf(error: unknown): FailureReport {
  if (error instanceof CliFailure) return error.report;
  if (error instanceof CommanderError)
    return {
      exitCode: EXIT.usage,
      code: 'usage',
      message: error.code === 'commander.help' ? 'no command was given' : plain(error.message),
      changed: 'nothing',
      next: 'baton --help lists the commands, baton COMMAND --help the options of one.',
    };
  if (error instanceof ConfigError)
    return {
      exitCode: EXIT.usage,
      code: 'invalid_configuration',
      message: `the configuration cannot be used:\n${error.message.replaceAll(/^/gm, '  ')}`,
      changed: 'nothing',
      next: 'Correct the places named above.',
    };
  if (error instanceof RedisStoreError)
    return {
      ...storeFailure(error.message),
      next: `${redisAdvice(error)}; baton doctor then checks it again.`,
    };
  if (error instanceof StoreFileError || error instanceof StoreUnavailableError)
    return storeFailure(error.message);
  return unexpected(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

function redisAdvice({ code }: RedisStoreError): string {
  return code === 'unreachable'
    ? 'Start the server, or change the setting store'
    : 'Change what the message names';
}

function storeFailure(message: string): FailureReport {
  return {
    exitCode: EXIT.storeUnavailable,
    code: 'store_unavailable',
    message,
    // Writes report their failures themselves: what comes this far is an opening or a reading.
    changed: 'nothing',
    next: 'baton doctor checks the store; --store names another file.',
  };
}

function unexpected(message: string): FailureReport {
  return {
    exitCode: EXIT.unexpected,
    code: 'unexpected',
    message: `unexpected: ${message}`,
    changed: 'unknown',
    next: 'baton doctor checks the surroundings; if they are in order, please report this.',
  };
}

/** Commander writes `error: ` before its messages and suggestions on lines of their own. */
function plain(message: string): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ');
}
