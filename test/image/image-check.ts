/**
 * `npm run image:check`: what can be known of the image without a container engine. The Dockerfile, compose.yaml and the
 * workflow are linted; the instructions of the Dockerfile are followed in a temporary folder, and what comes out is started
 * as an engine would start it. Exits 0 only when nothing is wrong, and says what was not tried.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTemporaryFolder } from '../agents/temporary-folder.ts';
import { installPinned } from '../support/install-pinned.ts';
import { buildStages } from './build-stages.ts';
import { checkCompose, checkDockerfile, checkWorkflow, LINTERS_FOLDER } from './check-files.ts';
import { runWithRedis } from './run-with-redis.ts';
import { runImage, setWritable } from './run-image.ts';

const ROOT = join(import.meta.dirname, '../..');

const NOT_TRIED = `Not tried, for there is no container engine here: the base images were not pulled, no image was built and no
container started. The RUN lines ran with this machine's Node and npm, on its system; users, capabilities, limits, volumes,
secrets and networks of compose.yaml were read, not applied.`;

async function main(): Promise<number> {
  await installPinned(LINTERS_FOLDER);
  const faults = [
    ...checkDockerfile(ROOT).map((fault) => `Dockerfile: ${fault}`),
    ...checkCompose(ROOT).map((fault) => `compose.yaml: ${fault}`),
    ...(await checkWorkflow(ROOT)).map((fault) => `.github/workflows/ci.yml: ${fault}`),
  ];
  for (const fault of faults) print(`FAILED  ${fault}`);
  if (faults.length === 0) print('passed  Dockerfile, compose.yaml and .github/workflows/ci.yml');
  const isSound = await tryImage();
  print(NOT_TRIED);
  return faults.length === 0 && isSound ? 0 : 1;
}

async function tryImage(): Promise<boolean> {
  const folder = createTemporaryFolder('baton-image-check-');
  const stages = join(folder.path, 'stages');
  mkdirSync(stages);
  // Another user is to run what lies there.
  for (const path of [folder.path, stages]) chmodSync(path, 0o755);
  try {
    const built = await buildStages(ROOT, stages);
    print('passed  the instructions of each stage, in an empty folder');
    try {
      for (const shown of await runImage(built)) print(`passed  ${shown}`);
      print(`passed  ${await runWithRedis(built, ROOT, folder.path)}`);
    } finally {
      setWritable(built.root, true);
    }
    return true;
  } catch (error) {
    print(`FAILED  ${error instanceof Error ? error.message : String(error)}`);
    return false;
  } finally {
    folder.remove();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

// The exit ends every child and removes every temporary folder.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
