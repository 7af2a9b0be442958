import { nearestName } from '../domain/definition/nearest-name.ts';
import type { ConfigProblem } from './config-error.ts';
import { readText, resolvePaths, type ConfigLayer } from './config-layer.ts';
import type { ProcessSurroundings } from './process-environment.ts';
import { SETTINGS } from './settings.ts';

/** Set by Baton for the commands of shell steps: not configuration. */
const TOLD_TO_COMMANDS = new Set([
  'BATON_RUN_ID',
  'BATON_STEP',
  'BATON_ATTEMPT',
  'BATON_IDEMPOTENCY_KEY',
  'BATON_HEARTBEAT',
]);

/** The `BATON_*` variables. An empty one counts as unset. */
export function environmentLayer({ environment, cwd, home }: ProcessSurroundings): ConfigLayer {
  const values = SETTINGS.flatMap((setting) => {
    const text = environment[setting.variable]?.trim() ?? '';
    if (text === '') return [];
    const value = resolvePaths(setting, readText(setting, text), cwd, home);
    return [{ setting, value, place: `environment ${setting.variable}` }];
  });
  return { values, problems: [] };
}

/** `BATON_*` variables that nothing reads: warnings, because another program may have set them. */
export function unknownVariables({ environment }: ProcessSurroundings): ConfigProblem[] {
  const known = SETTINGS.map(({ variable }) => variable);
  return Object.keys(environment)
    .filter((name) => name.startsWith('BATON_') && !TOLD_TO_COMMANDS.has(name))
    .filter((name) => !known.includes(name))
    .map((name) => unknownVariable(name, known));
}

function unknownVariable(name: string, known: readonly string[]): ConfigProblem {
  const suggestion = nearestName(
    name,
    known.map((variable) => variable.toLowerCase()),
  )?.toUpperCase();
  return {
    place: `environment ${name}`,
    message: 'no configuration key has this variable; it is ignored',
    ...(suggestion !== undefined && { suggestion }),
  };
}
