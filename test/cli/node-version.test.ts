import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rerun, ruleOnNode } from '../../src/cli/node-version.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'baton-node-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function pin(directory: string, version: string): string {
  const base = join(root, directory, 'node_modules', 'node');
  mkdirSync(join(base, 'bin'), { recursive: true });
  writeFileSync(join(base, 'package.json'), JSON.stringify({ version }));
  const binary = join(base, 'bin', 'node');
  writeFileSync(binary, '');
  return binary;
}

describe('ruleOnNode', () => {
  test('lets Node 24 and newer go on', () => {
    expect(ruleOnNode('v24.0.0', root)).toEqual({ kind: 'supported' });
    expect(ruleOnNode('v26.1.0', root)).toEqual({ kind: 'supported' });
  });

  test('sends older ones to the pinned Node of the package, or to one hoisted above it', () => {
    const inner = join(root, 'node_modules/baton-mcp/dist/src');
    const hoisted = pin('.', '24.21.0');
    expect(ruleOnNode('v20.20.2', inner)).toEqual({ kind: 'rerun', node: hoisted });
    const own = pin('node_modules/baton-mcp', '25.0.0');
    expect(ruleOnNode('v18.0.0', inner)).toEqual({ kind: 'rerun', node: own });
  });

  test('says in one line what to do when there is none, or only one that is too old itself', () => {
    pin('.', '22.0.0');
    const ruling = ruleOnNode('v20.20.2', join(root, 'dist'));
    expect(ruling).toMatchObject({ kind: 'refused' });
    expect(ruling.kind === 'refused' && ruling.message).toMatch(/^.*Node 24.*v20\.20\.2.*$/);
  });
});

describe('rerun', () => {
  test('passes the exit code on', async () => {
    expect(await rerun(process.execPath, ['-e', 'process.exit(7)'])).toBe(7);
  });

  test('answers 128 + n when a signal ended it', async () => {
    expect(await rerun(process.execPath, ['-e', 'process.kill(process.pid, "SIGKILL")'])).toBe(137);
  });

  test('that is killed does not leave the other process behind', async () => {
    const source = (name: string): string =>
      JSON.stringify(new URL(`../../src/cli/${name}.ts`, import.meta.url).href);
    const inner = join(root, 'inner.ts');
    const outer = join(root, 'outer.ts');
    writeFileSync(
      inner,
      `import { createInterruption } from ${source('interruption')};
      const interruption = createInterruption();
      interruption.listen();
      const alive = setInterval(() => undefined, 1_000);
      interruption.signal.addEventListener('abort', () => {
        console.log('asked to end');
        clearInterval(alive);
      });
      console.log('ready');`,
    );
    writeFileSync(
      outer,
      `import { rerun } from ${source('node-version')};
      await rerun(process.execPath, [${JSON.stringify(inner)}]);`,
    );
    const launcher = spawn(process.execPath, [outer], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    // The stream ends when the inner process has ended too.
    for await (const line of createInterface({ input: launcher.stdout })) {
      lines.push(line);
      if (line === 'ready') launcher.kill('SIGKILL');
    }
    expect(lines).toEqual(['ready', 'asked to end']);
  });

  test('fails when the other Node cannot be started', async () => {
    await expect(rerun(join(root, 'none'), [])).rejects.toThrow('ENOENT');
  });
});
