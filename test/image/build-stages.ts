import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runChild } from '../agents/child-process.ts';
import { readStages, type Instruction, type Stage } from './dockerfile.ts';

const RUN_TIMEOUT_MS = 10 * 60_000;

/** What a file system and a configuration would be in an image. */
export interface BuiltStage {
  /** Stands for `/`. The base image's own files are missing. */
  readonly root: string;
  workdir: string;
  readonly env: Record<string, string>;
  user: string;
  stopSignal: string;
  healthcheck: readonly string[];
  entrypoint: readonly string[];
  command: readonly string[];
}

/**
 * Does what the instructions of each stage say, in folders below `directory` instead of images: COPY copies, RUN runs with
 * this machine's Node and npm. Whatever it cannot do so is refused, never left out. Answers the final stage.
 */
export async function buildStages(context: string, directory: string): Promise<BuiltStage> {
  const stages = readStages(readFileSync(join(context, 'Dockerfile'), 'utf8'));
  const built = new Map<string, BuiltStage>();
  for (const stage of stages) {
    const root = join(directory, stage.name);
    mkdirSync(root);
    built.set(stage.name, await buildStage(stage, { context, root, built }));
  }
  const last = [...built.values()].at(-1);
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

interface Surroundings {
  readonly context: string;
  readonly root: string;
  readonly built: ReadonlyMap<string, BuiltStage>;
}

async function buildStage(stage: Stage, surroundings: Surroundings): Promise<BuiltStage> {
  const { root } = surroundings;
  const made: BuiltStage = {
    ...{ root, workdir: '/', env: {}, user: 'root', stopSignal: 'SIGTERM' },
    ...{ healthcheck: [], entrypoint: [], command: [] },
  };
  for (const instruction of stage.instructions)
    try {
      await follow(instruction, made, surroundings);
    } catch (error) {
      const { line, keyword, text } = instruction;
      throw new Error(`Dockerfile line ${line}, ${keyword} ${text}: ${String(error)}`, {
        cause: error,
      });
    }
  return made;
}

async function follow(
  { keyword, text, flags, exec = [] }: Instruction,
  made: BuiltStage,
  surroundings: Surroundings,
): Promise<void> {
  switch (keyword) {
    case 'WORKDIR':
      made.workdir = text;
      mkdirSync(join(made.root, text), { recursive: true });
      return;
    case 'COPY':
      copy(text.split(/\s+/), flags['from'], made, surroundings);
      return;
    case 'RUN':
      await run(text, made);
      return;
    case 'ENV':
      for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S*)/g)) made.env[name] = value;
      return;
    case 'USER':
      made.user = text;
      return;
    case 'STOPSIGNAL':
      made.stopSignal = text;
      return;
    case 'HEALTHCHECK':
      made.healthcheck = exec;
      return;
    case 'ENTRYPOINT':
      made.entrypoint = exec;
      return;
    case 'CMD':
      made.command = exec;
      return;
    // They tell an engine something, and do nothing here.
    case 'VOLUME':
    case 'EXPOSE':
      return;
    default:
      throw new Error('this check cannot do that');
  }
}

function copy(
  words: readonly string[],
  from: string | undefined,
  { root, workdir }: BuiltStage,
  { context, built }: Surroundings,
): void {
  const sources = words.slice(0, -1);
  const target = words.at(-1) ?? '';
  const place = join(root, target.startsWith('/') ? target : join(workdir, target));
  const origin = from === undefined ? context : built.get(from)?.root;
  if (origin === undefined) throw new Error(`there is no stage ${String(from)}`);
  for (const source of sources) {
    if (from === undefined) requireSent(context, source);
    const path = join(origin, source);
    const isFolder = statSync(path).isDirectory();
    const to = !isFolder && target.endsWith('/') ? join(place, basename(source)) : place;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** The builder is sent only what `.dockerignore` lets through: a list of names here, after a line that shuts out all. */
function requireSent(context: string, source: string): void {
  const [first, ...letThrough] = readFileSync(join(context, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*') throw new Error('.dockerignore does not begin with *');
  const [top = ''] = source.split('/');
  if (!letThrough.includes(`!${top}`)) throw new Error(`.dockerignore keeps ${source} out`);
}

async function run(text: string, { root, workdir, env }: BuiltStage): Promise<void> {
  if (/(^|[\s=])\//.test(text)) throw new Error('an absolute path would be one of this machine');
  const path = `${dirname(process.execPath)}:${String(process.env['PATH'])}`;
  const { code, stdout, stderr } = await runChild('sh', ['-c', text], {
    cwd: join(root, workdir),
    env: { ...process.env, NODE_ENV: undefined, ...env, PATH: path },
    timeoutMs: RUN_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`ended with ${String(code)}: ${(stdout + stderr).slice(-1_500)}`);
}
