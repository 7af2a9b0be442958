import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DAMAGE_ADVICE } from '../adapters/sqlite/store-file-error.ts';
import { busText, consumerText, type BusHealth } from '../application/bus/bus-health.ts';
import type { Baton } from '../composition.ts';
import { ConfigError, describeProblem, type LoadedConfig } from '../config.ts';
import { callContext, type Invocation } from './cli.ts';
import { isStoreUrl } from '../config/store-place.ts';
import { valueOf } from './cli-failure.ts';
import { MIN_NODE_MAJOR } from './node-version.ts';

/** `note`: worth knowing, nothing is wrong. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'note' | 'problem';
  readonly message: string;
}

const NO_LOG = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Below this a store soon cannot write. */
const MIN_FREE_BYTES = 100 * 2 ** 20;

/** Looks, and changes nothing: a store that does not exist yet is not created. */
export async function* checkSurroundings(invocation: Invocation): AsyncGenerator<Check> {
  yield checkNode();
  yield await checkSqlite();
  const loaded = await loadOrProblems(invocation);
  if (Array.isArray(loaded)) return yield* loaded;
  yield* checkConfig(loaded);
  yield checkWritable('log', dirname(loaded.config.log.file));
  yield* checkDirectories(loaded);
  yield* checkBinaries(loaded);
  yield* checkHandlers(loaded);
  if (isStoreUrl(loaded.config.store)) {
    yield* checkServer(invocation, loaded);
    return;
  }
  yield checkDisk(dirname(loaded.config.store));
  yield* checkStore(invocation, loaded);
}

function ok(name: string, message: string): Check {
  return { name, status: 'ok', message };
}

function problem(name: string, message: string): Check {
  return { name, status: 'problem', message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkNode(): Check {
  const { node } = process.versions;
  return Number.parseInt(node, 10) >= MIN_NODE_MAJOR
    ? ok('node', node)
    : problem('node', `${node}; Baton needs ${MIN_NODE_MAJOR} or newer`);
}

async function checkSqlite(): Promise<Check> {
  const { assertSqliteVersion } = await import('../adapters/sqlite/open-database.ts');
  const version = process.versions.sqlite ?? '0';
  try {
    assertSqliteVersion(version);
    return ok('sqlite', version);
  } catch (error) {
    return problem('sqlite', messageOf(error));
  }
}

async function loadOrProblems(invocation: Invocation): Promise<LoadedConfig | Check[]> {
  try {
    return await invocation.loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((found) => problem('configuration', describeProblem(found)));
  }
}

function* checkConfig({ files, warnings }: LoadedConfig): Generator<Check> {
  yield ok('configuration', files.join(', ') || 'no file, defaults only');
  for (const warning of warnings)
    yield { name: 'configuration', status: 'note', message: describeProblem(warning) };
}

/** Of a directory that may still have to be made. */
function checkWritable(name: string, directory: string): Check {
  const existing = existingParent(directory);
  try {
    accessSync(existing, constants.R_OK | constants.W_OK);
    return ok(name, existing === directory ? directory : `${directory} (will be made)`);
  } catch (error) {
    return problem(name, `cannot write to ${existing}: ${messageOf(error)}`);
  }
}

function existingParent(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory
    ? directory
    : existingParent(dirname(directory));
}

/** Where commands start: unlike the store's, these directories are never made. */
function* checkDirectories({ config, origins }: LoadedConfig): Generator<Check> {
  const { workspace, shell } = config;
  yield checkDirectory('workspace', workspace, origins.get('workspace'));
  for (const root of shell.roots)
    yield checkDirectory('shell.roots', root, origins.get('shell.roots'));
}

function checkDirectory(name: string, path: string, origin = 'default'): Check {
  try {
    return statSync(path).isDirectory()
      ? ok(name, path)
      : problem(name, `${path} is no directory (it comes from ${origin})`);
  } catch (error) {
    return problem(name, `${messageOf(error)} (it comes from ${origin})`);
  }
}

async function* checkBinaries({ config, environment }: LoadedConfig): AsyncGenerator<Check> {
  const { allow } = config.shell;
  if (allow.length === 0)
    yield { name: 'shell', status: 'note', message: 'shell.allow is empty: no command can run' };
  const { resolveBinary } = await import('../handlers/shell/resolve-binary.ts');
  for (const binary of allow) {
    const found = await resolveBinary(binary, allow, environment.PATH ?? '');
    yield typeof found === 'string'
      ? ok('shell', `${binary} is ${found}`)
      : problem('shell', found.message);
  }
}

/** Loads them as a worker would: their code runs. */
async function* checkHandlers(loaded: LoadedConfig): AsyncGenerator<Check> {
  const { inspectHandlers } = await import('../composition/configured-handlers.ts');
  const { handlers, problems } = await inspectHandlers(loaded);
  for (const { file, handler } of handlers) yield ok('handlers', `${handler.kind} from ${file}`);
  for (const { file, message } of problems) yield problem('handlers', `${file}: ${message}`);
}

function checkDisk(directory: string): Check {
  const { bavail, bsize } = statfsSync(existingParent(directory));
  const freeBytes = bavail * bsize;
  const text = `${Math.floor(freeBytes / 2 ** 20)} MiB free at ${directory}`;
  return freeBytes < MIN_FREE_BYTES ? problem('disk', text) : ok('disk', text);
}

/** The server that the store is on. One without a store yet stays without. */
async function* checkServer(invocation: Invocation, loaded: LoadedConfig): AsyncGenerator<Check> {
  const { inspectServer } = await import('../adapters/redis/inspect-server.ts');
  try {
    const { shown, versions, durability, checks, warnings, hasStore } = await inspectServer(
      loaded.config.store,
      NO_LOG,
    );
    yield ok('redis', `${versions.join(', ')} at ${shown}; ${durability.join('; ')}`);
    yield ok('redis', checks.join(', '));
    for (const warning of warnings) yield problem('redis', warning);
    if (hasStore)
      yield* await invocation.withBaton((baton) => checkHealth(baton), { engine: 'none' }, loaded);
    else yield ok('store', `${shown} (will be made)`);
  } catch (error) {
    // Baton's own start has said so already.
    const origin = loaded.origins.get('store') ?? 'default';
    const from = `; the setting store comes from ${origin}`;
    const message = messageOf(error);
    yield problem('store', message.endsWith(from) ? message : message + from);
  }
}

async function* checkStore(invocation: Invocation, loaded: LoadedConfig): AsyncGenerator<Check> {
  const { store } = loaded.config;
  const directory = checkWritable('store', dirname(store));
  if (directory.status === 'problem' || !existsSync(store)) {
    yield directory.status === 'problem' ? directory : ok('store', `${store} (will be made)`);
    return;
  }
  const damage = await findDamage(store);
  if (damage !== undefined) {
    yield problem('store', damage);
    return;
  }
  try {
    yield* await invocation.withBaton((baton) => checkHealth(baton), { engine: 'none' }, loaded);
  } catch (error) {
    yield problem('store', messageOf(error));
  }
}

/** Reads the whole file, without locking others out; `undefined`: it is sound. */
async function findDamage(path: string): Promise<string | undefined> {
  const { inspectFile } = await import('../adapters/sqlite/inspect-file.ts');
  const { DatabaseSync } = await import('node:sqlite');
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    inspectFile(path);
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    try {
      const rows = db
        .prepare('PRAGMA quick_check(5)')
        .all()
        .map((row) => String(row.quick_check));
      return rows.join() === 'ok'
        ? undefined
        : `${path} is damaged: ${rows.join('; ')}; ${DAMAGE_ADVICE}`;
    } finally {
      db.close();
    }
  } catch (error) {
    return messageOf(error).includes(path) ? messageOf(error) : `${path}: ${messageOf(error)}`;
  }
}

async function checkHealth(baton: Baton): Promise<Check[]> {
  const { store, bus, reasons, workers } = valueOf(
    await baton.application.getHealth(callContext(baton), {}),
  );
  const alive = workers.map(({ workerId, queues }) => `${workerId} (${queues.join(', ')})`);
  return [
    store === undefined
      ? problem('store', reasons.join('; '))
      : ok('store', `${store.location}, schema ${store.schemaVersion}, sound; ${store.durability}`),
    ...(bus === undefined ? [] : busChecks(bus)),
    ok('workers', alive.join('; ') || 'none is alive'),
    ...reasons.map((message): Check => ({ name: 'health', status: 'note', message })),
  ];
}

function busChecks(bus: BusHealth): Check[] {
  return [
    ok('bus', busText(bus)),
    ...bus.consumers.map((consumer) => ok('consumer', consumerText(consumer))),
  ];
}
