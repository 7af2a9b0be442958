import { dataDirectories } from './adapters/system/data-directories.ts';
import { configSchema, type Config } from './config/config-schema.ts';
import { ConfigError, type ConfigProblem } from './config/config-error.ts';
import { fileLayer, findProjectFile, findUserFile } from './config/config-file.ts';
import {
  checkLayer,
  readText,
  resolvePath,
  resolvePaths,
  type ConfigLayer,
  type PlacedValue,
} from './config/config-layer.ts';
import { environmentLayer, unknownVariables } from './config/environment-layer.ts';
import type { Environment, ProcessSurroundings } from './config/process-environment.ts';
import { SETTINGS } from './config/settings.ts';

export { ConfigError, describeProblem } from './config/config-error.ts';
export type { Config } from './config/config-schema.ts';

export interface ConfigRequest extends ProcessSurroundings {
  /** Read instead of the project's and the user's file; relative to `cwd`. */
  readonly configFile?: string | undefined;
  /** Command-line options: text (or, for flags, a boolean) by configuration key. */
  readonly options?: Readonly<Record<string, OptionValue | undefined>> | undefined;
}

export interface OptionValue {
  /** As typed, e.g. `--store`. */
  readonly option: string;
  readonly value: string | boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where the value of each key came from: `file:line`, `environment BATON_…`, `option --…` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Files read, in order of precedence, the weakest first. */
  readonly files: readonly string[];
  readonly warnings: readonly ConfigProblem[];
  readonly environment: Environment;
}

/**
 * Builds the effective configuration from, each overriding those before it: defaults, the project's
 * `baton.config.{yaml,json}`, the user's `config.{yaml,json}` (so that a checked-out project never outvotes the person
 * who runs it), environment variables `BATON_*`, options. A value replaces the whole value of that key; lists are not
 * merged. Empty variables and empty keys count as absent. Throws ConfigError with every mistake of every source.
 */
export async function loadConfig(request: ConfigRequest): Promise<LoadedConfig> {
  const directories = dataDirectories(request.environment, request.home);
  const files = configFiles(request, directories.config);
  const layers = [
    defaultLayer(request, directories),
    ...(await Promise.all(files.map((file) => fileLayerOrProblems(file, request.home)))),
    environmentLayer(request),
    optionLayer(request),
  ].map(checkLayer);
  const problems = layers.flatMap((layer) => layer.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const values = new Map<string, PlacedValue>();
  for (const value of layers.flatMap((layer) => layer.values)) values.set(value.setting.key, value);
  return {
    config: freezeDeep(configSchema.parse(assemble(values.values()))),
    origins: new Map([...values].map(([key, { place }]) => [key, place])),
    files,
    warnings: unknownVariables(request),
    environment: request.environment,
  };
}

function configFiles(request: ConfigRequest, userDirectory: string): string[] {
  const { configFile, cwd, home } = request;
  if (configFile !== undefined) return [resolvePath(configFile, cwd, home)];
  return [findProjectFile(cwd, home), findUserFile(userDirectory)].filter(
    (file) => file !== undefined,
  );
}

/** A file that cannot be read must not hide the mistakes of the others. */
async function fileLayerOrProblems(file: string, home: string): Promise<ConfigLayer> {
  try {
    return await fileLayer(file, home);
  } catch (error) {
    if (error instanceof ConfigError) return { values: [], problems: error.problems };
    throw error;
  }
}

function defaultLayer(
  { cwd }: ConfigRequest,
  directories: ReturnType<typeof dataDirectories>,
): ConfigLayer {
  const values = SETTINGS.map((setting) => {
    const { fallback } = setting;
    const value = typeof fallback === 'function' ? fallback({ directories, cwd }) : fallback;
    return { setting, value, place: 'default' };
  });
  return { values, problems: [] };
}

function optionLayer({ options = {}, cwd, home }: ConfigRequest): ConfigLayer {
  const values = SETTINGS.flatMap((setting) => {
    const given = options[setting.key];
    if (given === undefined) return [];
    const raw = typeof given.value === 'string' ? readText(setting, given.value) : given.value;
    const value = resolvePaths(setting, raw, cwd, home);
    return [{ setting, value, place: `option ${given.option}` }];
  });
  return { values, problems: [] };
}

/** Dotted keys become nested objects. */
function assemble(values: Iterable<PlacedValue>): object {
  const root: Record<string, unknown> = {};
  for (const { setting, value } of values) {
    const [section = '', name] = setting.key.split('.');
    if (name === undefined) root[section] = value;
    else root[section] = { ...(root[section] as object | undefined), [name]: value }; // made here
  }
  return root;
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(freezeDeep);
  return Object.freeze(value);
}
