import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { MUTATIONS, type Mutation } from './mutations.ts';

const ROOT = join(import.meta.dirname, '..');
const COPIED = [
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'src',
  'tools',
  'resources',
  'prompts',
  'test',
  'scripts',
  'workflows',
];
const AT_ONCE = 2;
/** A guard's absence may also show as a test that never ends. */
const MAX_RUN_MS = 300_000;

type Verdict = 'caught' | 'caught (no end)' | 'SURVIVED' | 'NOT FOUND';

interface Finding {
  readonly mutation: Mutation;
  readonly verdict: Verdict;
  readonly seconds: number;
}

const USAGE = `Takes the guards of the engine out, one at a time, in a copy of the sources, and demands that a test fails.

  node scripts/mutation-check.ts [--only TEXT] [--tests FILE,FILE]

  --only TEXT    only mutations whose name contains the text
  --tests FILES  run these test files instead of the ones that each mutation names
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      tests: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only)).map((mutation) =>
    values.tests === undefined ? mutation : { ...mutation, tests: values.tests.split(',') },
  );
  const directories = await Promise.all(Array.from({ length: AT_ONCE }, copySources));
  try {
    return await check(chosen, directories);
  } finally {
    for (const directory of directories) await rm(directory, { recursive: true });
  }
}

async function check(chosen: readonly Mutation[], directories: readonly string[]): Promise<number> {
  const [first = ''] = directories;
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  if ((await runTests(first, files)) !== 'green') {
    process.stderr.write('The tests fail without any mutation: nothing can be said.\n');
    return 1;
  }
  const open = [...chosen];
  const findings: Finding[] = [];
  const work = async (directory: string): Promise<void> => {
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const finding = await tryOne(next, directory);
      process.stdout.write(`${finding.verdict}: ${next.name} (${finding.seconds.toFixed(0)} s)\n`);
      findings.push(finding);
    }
  };
  await Promise.all(directories.map(work));
  printTable(chosen, findings);
  return findings.every(({ verdict }) => verdict.startsWith('caught')) ? 0 : 1;
}

async function copySources(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'baton-mutation-'));
  for (const name of COPIED)
    await cp(join(ROOT, name), join(directory, name), { recursive: true }).catch(ignoreMissing);
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'), 'dir');
  return directory;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function tryOne(mutation: Mutation, directory: string): Promise<Finding> {
  const startedAtMs = performance.now();
  const path = join(directory, mutation.file);
  const source = await readFile(path, 'utf8').catch(() => '');
  const seconds = (): number => (performance.now() - startedAtMs) / 1_000;
  const mutated = mutate(source, mutation);
  if (mutated === undefined) return { mutation, verdict: 'NOT FOUND', seconds: seconds() };
  await writeFile(path, mutated);
  try {
    const result = await runTests(directory, mutation.tests);
    return { mutation, verdict: VERDICTS[result], seconds: seconds() };
  } finally {
    await writeFile(path, source);
  }
}

/** `undefined` when a guard does not stand exactly once where it is said to. */
function mutate(source: string, mutation: Mutation): string | undefined {
  const parts = source.split(mutation.find);
  return parts.length === 2 ? parts.join(mutation.replace) : undefined;
}

const VERDICTS = { green: 'SURVIVED', red: 'caught', endless: 'caught (no end)' } as const;

function runTests(
  directory: string,
  files: readonly string[],
): Promise<'green' | 'red' | 'endless'> {
  const vitest = join(directory, 'node_modules/vitest/vitest.mjs');
  const child = spawn(
    process.execPath,
    [vitest, 'run', ...files, '--bail=1', '--coverage.enabled=false', '--maxWorkers=1'],
    { cwd: directory, stdio: 'ignore', detached: true },
  );
  return new Promise((resolve, reject) => {
    let isOver = false;
    const limit = setTimeout(() => {
      isOver = true;
      // The whole group: vitest's workers are children of their own.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, MAX_RUN_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve(isOver ? 'endless' : code === 0 ? 'green' : 'red');
    });
  });
}

function printTable(chosen: readonly Mutation[], findings: readonly Finding[]): void {
  const table = new Table({ head: ['guard taken out', 'file', 'verdict'], style: { head: [] } });
  for (const mutation of chosen) {
    const verdict = findings.find((finding) => finding.mutation === mutation)?.verdict ?? '-';
    table.push([mutation.name, mutation.file, verdict]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

process.exitCode = await main();
