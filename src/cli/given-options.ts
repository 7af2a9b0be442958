import type { Command } from 'commander';
import { usageFailure } from './cli-failure.ts';

/** Texts for people, and a payload: an empty one is what it says. */
const MAY_BE_EMPTY = new Set(['comment', 'note', 'payload', 'reason']);

/**
 * Options given before or after the command's name; what was not given is absent. One without a value is refused: it comes
 * of a variable that is not set, and the default instead might be more than was meant.
 */
export function givenOptions(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (let level: Command | null = command; level !== null; level = level.parent) {
    for (const [name, value] of Object.entries(level.opts()))
      if (!(name in given) && level.getOptionValueSource(name) !== 'default') given[name] = value;
  }
  for (const [name, value] of Object.entries(given))
    if (typeof value === 'string' && value.trim() === '' && !MAY_BE_EMPTY.has(name))
      throw usageFailure(
        `${optionName(name)} is given without a value`,
        `Give it one, or leave the option out. A variable of a script that is not set looks like this.`,
      );
  return given;
}

/** As it is typed: `--key-file` for `keyFile`. */
export function optionName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The command's name as it is typed after `baton`: `keys create`. */
export function commandPath(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${commandPath(parent)} ${command.name()}` : command.name();
}
