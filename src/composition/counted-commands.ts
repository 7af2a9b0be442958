import type { ExecuteCommand } from '../application/commands/execute-command.ts';

/** The same, counting what becomes of commands. */
export function countCommands(execute: ExecuteCommand): {
  readonly execute: ExecuteCommand;
  readonly commands: ReadonlyMap<string, number>;
} {
  const commands = new Map<string, number>();
  return {
    commands,
    execute: async (key, envelope) => {
      const outcome = await execute(key, envelope);
      commands.set(outcome.kind, (commands.get(outcome.kind) ?? 0) + 1);
      return outcome;
    },
  };
}
