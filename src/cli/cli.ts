import type { Command } from 'commander';
import { LOCAL_CALLER } from '../application/access/access.ts';
import type { CallContext } from '../application/use-case.ts';
import type { Baton, CompositionOptions } from '../composition.ts';
import type { LoadedConfig, OptionValue } from '../config.ts';
import type { ProcessSurroundings } from '../config/process-environment.ts';
import type { ExitCode } from './exit-codes.ts';
import { commandPath, givenOptions } from './given-options.ts';
import type { Interruption } from './interruption.ts';
import { Terminal } from './terminal.ts';

/** What the program gives to every command. */
export interface Cli {
  readonly surroundings: ProcessSurroundings;
  readonly interruption: Interruption;
  readonly version: string;
}

/** One invocation of one command. */
export class Invocation {
  readonly cli: Cli;
  readonly args: readonly string[];
  /** As it is typed after `baton`, e.g. `keys create`. */
  readonly commandName: string;
  readonly terminal: Terminal;
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(cli: Cli, command: Command) {
    this.cli = cli;
    this.args = command.args;
    this.commandName = commandPath(command);
    this.#options = givenOptions(command);
    this.terminal = new Terminal({
      stdout: process.stdout,
      stderr: process.stderr,
      environment: cli.surroundings.environment,
      json: this.flag('json'),
      noColor: this.isOff('color'),
      onBroken: () => cli.interruption.abort(),
    });
  }

  text(name: string): string | undefined {
    const value = this.#options[name];
    return typeof value === 'string' ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#options[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  /** A `--no-…` option was given. */
  isOff(name: string): boolean {
    return this.#options[name] === false;
  }

  /** `overrides`: configuration keys that options of this command set. */
  async loadConfig(
    overrides: Readonly<Record<string, OptionValue | undefined>> = {},
  ): Promise<LoadedConfig> {
    const { loadConfig } = await import('../config.ts');
    const store = this.text('store');
    return loadConfig({
      ...this.cli.surroundings,
      configFile: this.text('config'),
      options: { ...overrides, ...(store && { store: { option: '--store', value: store } }) },
    });
  }

  /** Opens the store for the time of `body`, whatever becomes of it. */
  async withBaton<Result>(
    body: (baton: Baton) => Promise<Result>,
    options: CompositionOptions & { readonly graceMs?: number } = { engine: 'none' },
    loaded?: LoadedConfig,
  ): Promise<Result> {
    const config = loaded ?? (await this.loadConfig());
    const { composeBaton } = await import('../composition.ts');
    const baton = await composeBaton(config, options);
    try {
      return await body(baton);
    } finally {
      await baton.close({ graceMs: options.graceMs ?? 0 });
    }
  }
}

/** The caller that stands in the events a command causes. */
export function callContext(baton: Baton, signal?: AbortSignal): CallContext {
  const causationId = `cli:${baton.ports.ids.newId()}`;
  return { ...LOCAL_CALLER, actor: 'cli', causationId, ...(signal && { signal }) };
}

export type CommandBody = (invocation: Invocation) => Promise<ExitCode>;

/** Turns a command's body into what commander calls; the exit code goes to `finish`. */
export type Action = (body: CommandBody) => (...received: unknown[]) => Promise<void>;

/** One file a command exports one of these. */
export type AddCommand = (program: Command, action: Action) => void;
