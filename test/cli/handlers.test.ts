import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture } from './run-baton.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/handler');
/** No handlers, whatever the project's file says. */
const PLAIN = ['--config', 'plain.yaml'];

describe('the example of a step kind of one’s own', () => {
  const baton = new BatonFixture();
  beforeAll(() => {
    cpSync(EXAMPLE, baton.cwd, { recursive: true });
    baton.write('plain.yaml', 'handlers: []\n');
  });
  afterAll(() => baton.dispose());

  test('does what its README says, by its two commands', async () => {
    const { stdout } = await baton.run(['doctor']);
    expect(stdout).toMatch(/ok +handlers: markdown\.broken_links from .*markdown-links\.ts/);
    const run = await baton.run(['run', 'docs-check.yaml', '--watch']);
    expect(run.stdout).toMatch(/links +markdown\.broken_links +completed/);
    expect(run.stdout).toMatch(/"checked": 1,\s+"broken": \[\]/);
    expect(run.code).toBe(0);
  });

  test('finds a link that leads nowhere, and tells a file that is not there for good', async () => {
    baton.write('bad.md', '[a](README.md) [b](gone.md) [c](https://x.example/y.md)');
    const find = (files: string) =>
      baton.run(['run', 'docs-check.yaml', '--watch', '--input', `{"files":["${files}"]}`]);
    const broken = await find('bad.md');
    expect(broken.stdout).toContain('1 link(s) lead nowhere');
    expect(broken.code).toBe(6);
    expect((await find('no.md')).stdout).toMatch(/links .*failed .*unreadable_file: .*ENOENT/);
  });

  test('a run is explained by a process without the handler, and run by a worker that has it', async () => {
    const { stdout } = await baton.run(['run', 'docs-check.yaml']);
    const id = stdout.trim();
    const explained = await baton.run(['explain', id, ...PLAIN]);
    expect(explained.stdout).toMatch(
      /no_worker[^]*setting handlers loads .*"markdown\.broken_links"/,
    );
    expect((await baton.run(['show', id, ...PLAIN])).code).toBe(0);
    const worker = baton.start(['worker', '--queues', 'handler:markdown.broken_links']);
    await worker.stdoutMatching(/serves handler:markdown\.broken_links of /);
    const watched = await baton.run(['watch', id, ...PLAIN]);
    worker.child.kill('SIGTERM');
    expect(watched.code).toBe(0);
    expect((await worker.ended).code).toBe(0);
  });

  test('a worker is told which queues it could serve', async () => {
    const { stderr, code } = await baton.run([
      'worker',
      '--queues',
      'handler:markdown.broken_link',
    ]);
    expect(stderr).toMatch(/did you mean "handler:markdown\.broken_links"/);
    expect(code).toBe(2);
  });

  test('where it is not loaded the workflow is refused, with what would load it', async () => {
    const { stderr, code } = await baton.run(['register', 'docs-check.yaml', ...PLAIN]);
    expect(stderr).toMatch(/no step kind "markdown\.broken_links".*the setting handlers/);
    expect(code).toBe(2);
  });
});

describe('a handler file that cannot be used', () => {
  const baton = new BatonFixture();
  beforeAll(() => {
    baton.write('noisy.js', HANDLER.replace('//', 'console.log("noise");'));
    baton.write('broken.ts', 'export default {');
    baton.write('same.js', HANDLER);
    baton.write('w.yaml', 'name: w\nsteps:\n  - { id: a, uses: acme.echo, with: { x: 1 } }\n');
  });
  afterAll(() => baton.dispose());

  const HANDLER = `import { defineHandler } from 'baton-mcp/handler';
//
export default defineHandler({ kind: 'acme.echo', run: (context, input) => input });`;
  const handlers = (files: string) => ({ BATON_HANDLERS: files });

  test.each([
    ['is missing', 'gone.js', /gone\.js: there is no such file/],
    ['does not compile', 'broken.ts', /broken\.ts: cannot be loaded: /],
    [
      'defines a kind again',
      'noisy.js,same.js',
      /same\.js: defines "acme\.echo", which .*noisy\.js/,
    ],
  ])('because it %s keeps a server from starting', async (_, files, message) => {
    for (const command of ['worker', 'mcp']) {
      const { stdout, stderr, code } = await baton.run([command], handlers(files));
      expect(stdout).toBe('');
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(
        /handlers: environment BATON_HANDLERS[^]*\nNothing was changed\.\nNext: /,
      );
      expect(code).toBe(2);
    }
    const doctor = await baton.run(['doctor'], handlers(files));
    expect(doctor.stdout).toMatch(new RegExp(`PROBLEM +handlers: .*${message.source}`));
    expect(doctor.code).toBe(8);
  });

  test('keeps nobody from asking and commanding, only from registering', async () => {
    const broken = handlers('broken.ts');
    expect((await baton.run(['list'], broken)).code).toBe(0);
    const refused = await baton.run(['run', 'w.yaml'], broken);
    expect(refused.stderr).toContain('broken.ts: cannot be loaded');
    expect(refused.code).toBe(2);
  });

  test('what a handler prints is no part of standard output', async () => {
    const args = ['run', 'w.yaml', '--watch', '--json'];
    const { stdout, stderr, code } = await baton.run(args, handlers('noisy.js'));
    expect(code).toBe(0);
    expect(stderr).toContain('noise');
    expect(stdout).not.toContain('noise');
  });
});
