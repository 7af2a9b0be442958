import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { createShellHandler } from '../../src/handlers/shell/shell-handler.ts';
import type { StepOutcome } from '../../src/ports/step-handler.ts';
import type { FifoReader } from './fixtures/fifo.ts';
import { makeFifo, makeGate, STUBBORN, withStubbornGrandchild } from './fixtures/fifo.ts';
import { errorOf, makeContext, makeWorkspace, outputOf } from './fixtures/step-context.ts';

const handler = createShellHandler({
  allow: ['sh'],
  roots: [],
  env: [],
  environment: { PATH: process.env.PATH },
});

interface Scene {
  readonly workspace: string;
  readonly fifoPath: string;
  readonly fifo: FifoReader;
}

async function makeScene(): Promise<Scene> {
  const workspace = await makeWorkspace();
  onTestFinished(workspace.remove);
  const fifoPath = join(workspace.path, 'alive');
  return { workspace: workspace.path, fifoPath, fifo: await makeFifo(fifoPath) };
}

function runScript(
  scene: Scene,
  text: string,
  signal?: AbortSignal,
  more: Record<string, Json> = {},
): Promise<StepOutcome> {
  const input = { command: ['sh', '-c', text], env: { FIFO: scene.fifoPath }, ...more };
  const context = makeContext(scene.workspace, input, signal === undefined ? {} : { signal });
  return handler.run(context);
}

describe('an aborted shell step', () => {
  test('is asked to stop first, and may clean up', async () => {
    const scene = await makeScene();
    const abort = new AbortController();
    const polite = `trap 'echo cleaned; exit 0' TERM; echo ready >"$FIFO"; while :; do sleep 0.05; done`;
    const outcome = runScript(scene, polite, abort.signal);
    expect(await scene.fifo.nextLine()).toBe('ready');
    abort.abort();
    const error = errorOf(await outcome);
    expect(error.code).toBe('aborted');
    expect(error.permanent).toBeUndefined();
    expect(error.details).toMatchObject({ stdout: 'cleaned\n' });
  });

  test('that ignores SIGTERM is killed after the grace', async () => {
    const scene = await makeScene();
    const abort = new AbortController();
    const outcome = runScript(scene, STUBBORN, abort.signal, { grace: '150ms' });
    expect(await scene.fifo.nextLine()).toBe('ready');
    const abortedAtMs = performance.now();
    abort.abort();
    expect(errorOf(await outcome).code).toBe('aborted');
    expect(performance.now() - abortedAtMs).toBeGreaterThanOrEqual(149);
    await scene.fifo.ended();
  });

  test('takes its grandchildren with it', async () => {
    const scene = await makeScene();
    const abort = new AbortController();
    const outcome = runScript(scene, withStubbornGrandchild('wait'), abort.signal);
    expect(await scene.fifo.nextLine()).toBe('ready');
    abort.abort();
    expect(errorOf(await outcome).code).toBe('aborted');
    await scene.fifo.ended();
  });

  test('never starts when the abort came first', async () => {
    const scene = await makeScene();
    const outcome = await runScript(scene, 'echo ran', AbortSignal.abort());
    expect(errorOf(outcome)).toMatchObject({ code: 'aborted', details: { stdout: '' } });
  });
});

describe('a shell step that ended', () => {
  test('leaves no grandchild behind', async () => {
    const scene = await makeScene();
    const waitForReady = `read -r line <"$FIFO.go"; echo "$line"`;
    const open = await makeGate(scene.fifoPath);
    const outcome = runScript(scene, withStubbornGrandchild(waitForReady));
    expect(await scene.fifo.nextLine()).toBe('ready');
    await open();
    expect(outputOf(await outcome)).toMatchObject({ exitCode: 0, stdout: 'go\n' });
    await scene.fifo.ended();
  });

  test('is not held up by a process that left the group and keeps the output open', async () => {
    const scene = await makeScene();
    const escape = `const { spawn } = require('node:child_process');
      const child = spawn('sleep', ['600'], { detached: true, stdio: 'inherit' });
      console.log(child.pid); child.unref();`;
    const withNode = createShellHandler({
      allow: [process.execPath],
      roots: [],
      env: [],
      environment: { PATH: process.env.PATH },
    });
    const input = { command: [process.execPath, '-e', escape] };
    const output = outputOf(await withNode.run(makeContext(scene.workspace, input)));
    const escapedId = Number(output.stdout);
    expect(escapedId).toBeGreaterThan(1);
    process.kill(escapedId, 'SIGKILL');
  });

  test('whose guard was killed says that the outcome is unknown, and is gone', async () => {
    const scene = await makeScene();
    const killGuard = withStubbornGrandchild(
      `read -r line <"$FIFO.go"; kill -KILL $PPID; sleep 600`,
    );
    const open = await makeGate(scene.fifoPath);
    const outcome = runScript(scene, killGuard);
    expect(await scene.fifo.nextLine()).toBe('ready');
    await open();
    expect(errorOf(await outcome).code).toBe('guard_lost');
    await scene.fifo.ended();
  });
});

describe('a worker killed with SIGKILL', () => {
  test('takes the process groups of its steps with it', async () => {
    const scene = await makeScene();
    const program = join(import.meta.dirname, 'fixtures', 'shell-worker.ts');
    const worker = spawn(process.execPath, [program, scene.workspace, scene.fifoPath], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = once(worker, 'exit');
    expect(await scene.fifo.nextLine()).toBe('ready');
    worker.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    await scene.fifo.ended();
  });
});
