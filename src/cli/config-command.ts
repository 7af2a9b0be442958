import { describeProblem } from '../config/config-error.ts';
import type { Config } from '../config.ts';
import { shownStore } from '../config/store-place.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { printTable } from './table.ts';

const PRECEDENCE = [
  'defaults',
  'baton.config.{yaml,json} of the project',
  "config.{yaml,json} in the user's configuration directory",
  'environment BATON_*',
  'options',
] as const;

export const addConfigCommand: AddCommand = (program, action) => {
  program
    .command('config')
    .description('print the effective configuration and where each value came from')
    .action(action(show));
};

async function show(invocation: Invocation): Promise<ExitCode> {
  const { terminal } = invocation;
  const { config, origins, files, warnings } = await invocation.loadConfig();
  const values = [...origins].map(([key, source]) => ({
    key,
    value: key === 'store' ? shownStore(config.store) : valueAt(config, key),
    source,
  }));
  terminal.json({
    precedence: PRECEDENCE,
    files,
    values: Object.fromEntries(values.map(({ key, value, source }) => [key, { value, source }])),
    warnings,
  });
  await printTable(
    terminal,
    ['key', 'value', 'from'],
    values.map(({ key, value, source }) => [key, JSON.stringify(value), source]),
  );
  terminal.line(`Each source overrides those before it: ${PRECEDENCE.join(' < ')}.`);
  terminal.line(`Files read: ${files.join(', ') || 'none'}.`);
  for (const warning of warnings) terminal.note(`warning: ${describeProblem(warning)}`);
  return EXIT.ok;
}

function valueAt(config: Config, key: string): unknown {
  let value: unknown = config;
  for (const name of key.split('.')) value = (value as Record<string, unknown>)[name]; // a key of the schema
  return value;
}
