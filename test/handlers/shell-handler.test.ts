import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { isJsonObject } from '../../src/domain/json.ts';
import type { ShellHandlerConfig } from '../../src/handlers/shell/shell-handler.ts';
import { createShellHandler } from '../../src/handlers/shell/shell-handler.ts';
import type { StepContext, StepOutcome } from '../../src/ports/step-handler.ts';
import { errorOf, makeContext, makeWorkspace, outputOf } from './fixtures/step-context.ts';

const CANARY = 'canary-4f1c-secret';

const CONFIG: ShellHandlerConfig = {
  allow: ['sh', process.execPath],
  roots: [],
  env: ['PASSED_THROUGH'],
  environment: {
    ...process.env,
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LC_CTYPE: 'C.UTF-8',
    PASSED_THROUGH: 'yes',
    API_TOKEN: CANARY,
    AWS_SECRET_ACCESS_KEY: CANARY,
  },
};

async function workspacePath(): Promise<string> {
  const workspace = await makeWorkspace();
  onTestFinished(workspace.remove);
  return workspace.path;
}

async function run(
  input: Json,
  config: Partial<ShellHandlerConfig> = {},
  context: Partial<StepContext> = {},
): Promise<StepOutcome> {
  const workspace = context.workspace ?? (await workspacePath());
  return createShellHandler({ ...CONFIG, ...config }).run(makeContext(workspace, input, context));
}

function script(text: string, more: Record<string, Json> = {}): Json {
  return { command: ['sh', '-c', text], ...more };
}

describe('a shell step that ends by itself', () => {
  test('completes with exit code, both streams and duration', async () => {
    const output = outputOf(await run(script('echo out; echo err >&2')));
    const { durationMs, ...rest } = output;
    expect(rest).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(durationMs).toBeGreaterThan(0);
  });

  test('fails with the exit code as its error code and the last lines of stderr', async () => {
    const error = errorOf(await run(script('echo seen; echo boom >&2; exit 3')));
    expect(error.code).toBe('exit_3');
    expect(error.message).toBe('sh exited with code 3: boom');
    expect(error.permanent).toBeUndefined();
    expect(error.details).toMatchObject({ exitCode: 3, stdout: 'seen\n', stderr: 'boom\n' });
  });

  test('completes with any code that counts as success', async () => {
    const output = outputOf(await run(script('exit 4', { successCodes: [0, 4] })));
    expect(output.exitCode).toBe(4);
    const refusesZero = errorOf(await run(script('exit 0', { successCodes: [4] })));
    expect(refusesZero.code).toBe('exit_0');
  });

  test.each(['KILL', 'TERM', 'ABRT'])('names the signal that killed it: %s', async (name) => {
    const error = errorOf(await run(script(`ulimit -c 0; kill -${name} $$`)));
    expect(error.code).toBe(`killed_sig${name.toLowerCase()}`);
  });

  test('does not take a large exit code for a signal', async () => {
    expect(errorOf(await run(script('exit 137'))).code).toBe('exit_137');
  });

  test('outlives a SIGTERM that the command sends to its own group', async () => {
    const output = outputOf(await run(script("trap '' TERM; kill -TERM 0; echo still here")));
    expect(output.stdout).toBe('still here\n');
  });

  test('keeps an error message short however much stderr holds', async () => {
    const noisy = `i=0; while [ $i -lt 2000 ]; do echo "line $i of the noise" >&2; i=$((i+1)); done; exit 1`;
    const error = errorOf(await run(script(noisy)));
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).toContain('line 1999');
    expect(JSON.stringify(error.details).length).toBeLessThan(10_000);
  });
});

describe('the output of a shell step', () => {
  test('is parsed as JSON when asked', async () => {
    const output = outputOf(await run(script(`echo '{"a":[1,2]}'`, { parse: 'json' })));
    expect(output.json).toEqual({ a: [1, 2] });
  });

  test('that is no JSON fails the step and quotes it', async () => {
    const error = errorOf(await run(script('echo no json', { parse: 'json' })));
    expect(error.code).toBe('output_not_json');
    expect(error.details).toMatchObject({ stdout: 'no json\n' });
  });

  test('that is too long to parse says which limit it met', async () => {
    const long = script(`printf '"%0100d"' 0`, { parse: 'json' });
    const error = errorOf(await run(long, { outputLimitBytes: 40 }));
    expect(error.message).toContain('102 bytes exceed "shell.outputLimitBytes"');
  });

  test('is split into lines when asked', async () => {
    const output = outputOf(await run(script(`printf 'a\\r\\n\\nb b\\nlast'`, { parse: 'lines' })));
    expect(output.lines).toEqual(['a', '', 'b b', 'last']);
    expect(outputOf(await run(script('true', { parse: 'lines' }))).lines).toEqual([]);
  });

  test('of 10 MB is cut to its beginning and end, on both streams at once', async () => {
    const write = `const block = 'x'.repeat(1024) + '\\n';
      for (const stream of [process.stdout, process.stderr]) {
        stream.write('first\\n' + block.repeat(10_240) + 'last\\n');
      }`;
    const output = outputOf(await run({ command: [process.execPath, '-e', write] }));
    expect(output.truncated).toBe(true);
    for (const text of [output.stdout, output.stderr]) {
      expect(text).toMatch(/^first\nx/);
      expect(text).toMatch(/\n\[… 10430\d\d\d bytes omitted …\]\n/);
      expect(text).toMatch(/x\nlast\n$/);
      expect(JSON.stringify(text).length).toBeLessThan(70_000);
    }
  });
});

describe('what a shell command is given', () => {
  test('is its standard input', async () => {
    const output = outputOf(await run(script('cat', { stdin: 'line one\nlíne two' })));
    expect(output.stdout).toBe('line one\nlíne two');
  });

  test('is an empty standard input otherwise', async () => {
    expect(outputOf(await run(script('cat; echo end'))).stdout).toBe('end\n');
  });

  test('may be left unread', async () => {
    const output = outputOf(await run(script('exec 0<&-; echo done', { stdin: 'x'.repeat(1e6) })));
    expect(output.stdout).toBe('done\n');
  });

  test('is argv, never read by a shell', async () => {
    const text = '$(echo no); `echo no` && "quoted" * \\ \n end';
    const print = 'process.stdout.write(process.argv[1])';
    const output = outputOf(await run({ command: [process.execPath, '-e', print, text] }));
    expect(output.stdout).toBe(text);
  });

  test('is a scrubbed environment without the worker’s secrets', async () => {
    const output = outputOf(await run(script('env')));
    expect(output.stdout).not.toContain(CANARY);
    expect(output.stdout).toContain('PASSED_THROUGH=yes\n');
    expect(output.stdout).toContain('LC_CTYPE=C.UTF-8\n');
    expect(output.stdout).toContain('PATH=/usr/local/bin:/usr/bin:/bin\n');
  });

  test('is its attempt, idempotency key, last heartbeat and the step’s own variables', async () => {
    const variables = script('env | grep -E "^(BATON_|OWN)" | sort', { env: { OWN: 'a b' } });
    const output = outputOf(await run(variables, {}, { lastHeartbeat: { done: 3 } }));
    expect(output.stdout).toBe(
      'BATON_ATTEMPT=2\nBATON_HEARTBEAT={"done":3}\nBATON_IDEMPOTENCY_KEY=key-of-build\n' +
        'BATON_RUN_ID=run1\nBATON_STEP=build\nOWN=a b\n',
    );
  });

  // Linux only: descriptors and ignored signals are read from /proc, which macOS lacks.
  test.runIf(process.platform === 'linux')(
    'includes neither the guard’s descriptors nor ignored signals',
    async () => {
      const look = `for fd in 3 4 5; do if [ -e /proc/$$/fd/$fd ]; then readlink /proc/$$/fd/$fd; fi; done
        grep SigIgn /proc/$$/status`;
      const output = outputOf(await run(script(look)));
      expect(output.stdout).toBe('SigIgn:\t0000000000000000\n');
    },
  );

  test('leaves out a last heartbeat that the system would not take', async () => {
    const print = script('printf %s "${BATON_HEARTBEAT-none}" | wc -c');
    const given = async (lastHeartbeat: Json): Promise<number> =>
      Number(outputOf(await run(print, {}, { lastHeartbeat })).stdout);
    expect(await given('x'.repeat(65_000))).toBe(65_002);
    expect(await given('\u20ac'.repeat(60_000))).toBe('none'.length);
  });

  test.each([
    ...['LD_PRELOAD', 'BATON_RUN_ID', 'BASH_ENV', 'ENV', 'BASH_FUNC_kill%%', 'a=b'],
    ...['PATH', 'NODE_OPTIONS', 'PYTHONPATH', 'PERL5OPT', 'RUBYOPT', 'GIT_SSH_COMMAND'],
  ])('never includes a step’s %s', async (name) => {
    const error = errorOf(await run(script('true', { env: { [name]: 'x' } })));
    expect(error).toMatchObject({ code: 'env_not_allowed', permanent: true });
    expect(error.message).toContain(JSON.stringify(name));
  });
});

describe('a heartbeat line', () => {
  test('reaches the engine and leaves the output', async () => {
    const beats: Json[] = [];
    const text = `echo before; echo '::baton-heartbeat::{"at":1}'; printf '::baton-heart'; printf 'beat::2\\nafter'`;
    const output = outputOf(
      await run(script(text), {}, { heartbeat: (payload) => beats.push(payload) }),
    );
    expect(beats).toEqual([{ at: 1 }, 2]);
    expect(output.stdout).toBe('before\nafter');
  });

  test('that is malformed stays output', async () => {
    const beats: Json[] = [];
    const output = outputOf(
      await run(
        script('echo "::baton-heartbeat::{"'),
        {},
        { heartbeat: (payload) => beats.push(payload) },
      ),
    );
    expect(beats).toEqual([]);
    expect(output.stdout).toBe('::baton-heartbeat::{\n');
  });
});

describe('the directory of a shell command', () => {
  test('is the workspace, or inside it', async () => {
    const workspace = await workspacePath();
    await mkdir(join(workspace, 'sub'));
    const here = outputOf(await run(script('pwd -P'), {}, { workspace }));
    const sub = outputOf(await run(script('pwd -P', { cwd: 'sub' }), {}, { workspace }));
    expect([here.stdout, sub.stdout]).toEqual([`${workspace}\n`, `${workspace}/sub\n`]);
  });

  test('may lie in a configured root', async () => {
    const root = await workspacePath();
    const output = outputOf(await run(script('pwd -P', { cwd: root }), { roots: [root] }));
    expect(output.stdout).toBe(`${root}\n`);
  });

  test.each(['..', '../', 'sub/../..', '/', '../does-not-exist'])(
    'may not leave the workspace by path: %s',
    async (cwd) => {
      const error = errorOf(await run(script('true', { cwd })));
      expect(error).toMatchObject({ code: 'cwd_outside_workspace', permanent: true });
      expect(error.message).toContain('shell.roots');
    },
  );

  test('may not leave the workspace by a symbolic link', async () => {
    const workspace = await workspacePath();
    await symlink(dirname(workspace), join(workspace, 'link'));
    const error = errorOf(await run(script('true', { cwd: 'link' }), {}, { workspace }));
    expect(error.code).toBe('cwd_outside_workspace');
  });

  test('may not be a sibling whose name begins like the workspace', async () => {
    const workspace = await workspacePath();
    await mkdir(join(workspace, 'app'));
    await mkdir(join(workspace, 'app-secrets'));
    const error = errorOf(
      await run(
        script('true', { cwd: '../app-secrets' }),
        {},
        { workspace: join(workspace, 'app') },
      ),
    );
    expect(error.code).toBe('cwd_outside_workspace');
  });

  test('must exist and be a directory', async () => {
    const workspace = await workspacePath();
    await writeFile(join(workspace, 'file'), '');
    for (const cwd of ['file', 'nowhere']) {
      const error = errorOf(await run(script('true', { cwd }), {}, { workspace }));
      expect(error).toMatchObject({ code: 'cwd_missing', permanent: true });
    }
    const gone = errorOf(
      await run(script('true'), {}, { workspace: join(workspace, 'no-workspace') }),
    );
    expect(gone.message).toContain('no-workspace');
  });
});

describe('the binary of a shell step', () => {
  test('must be on the allow list, as written there', async () => {
    for (const binary of ['cat', '/bin/sh', '../sh']) {
      const error = errorOf(await run({ command: [binary] }));
      expect(error).toMatchObject({ code: 'binary_not_allowed', permanent: true });
      expect(error.message).toContain('"shell.allow"');
    }
  });

  test('that is missing is named with the places looked at', async () => {
    const name = 'no-such-program-of-baton';
    const error = errorOf(await run({ command: [name] }, { allow: [name] }));
    expect(error).toMatchObject({ code: 'binary_missing', permanent: true });
    expect(error.message).toContain(name);
    expect(error.message).toContain('/usr/local/bin, /usr/bin, /bin');
    const absolute = errorOf(await run({ command: ['/no/such'] }, { allow: ['/no/such'] }));
    expect(absolute.code).toBe('binary_missing');
  });

  test('never gets its interpreter from a step’s own PATH', async () => {
    const workspace = await workspacePath();
    const tool = join(workspace, 'tool');
    await writeFile(tool, '#!/usr/bin/env sh\necho real\n', { mode: 0o755 });
    await writeFile(join(workspace, 'sh'), '#!/bin/sh\necho fooled\n', { mode: 0o755 });
    const step = (more: Json): Promise<StepOutcome> =>
      run({ command: [tool], ...(isJsonObject(more) && more) }, { allow: [tool] }, { workspace });
    expect(outputOf(await step({})).stdout).toBe('real\n');
    expect(errorOf(await step({ env: { PATH: workspace } })).code).toBe('env_not_allowed');
  });

  test('skips files that cannot be executed and directories of the same name', async () => {
    const workspace = await workspacePath();
    await mkdir(join(workspace, 'sub', 'sh'), { recursive: true });
    await writeFile(join(workspace, 'sh'), '');
    const PATH = `${workspace}:${join(workspace, 'sub')}:relative:/bin`;
    const output = outputOf(await run(script('echo real'), { environment: { PATH } }));
    expect(output.stdout).toBe('real\n');
  });

  test('gives the worker one queue each', () => {
    const handler = createShellHandler({ ...CONFIG, allow: ['npm', 'git', 'npm', '/bin/ls'] });
    expect(handler.kind).toBe('shell');
    expect(handler.queues).toEqual(['shell:npm', 'shell:git', 'shell:/bin/ls']);
  });

  test.each(['./here', 'sub/dir', ''])('is no relative path in the allow list: %j', (entry) => {
    expect(() => createShellHandler({ ...CONFIG, allow: ['sh', entry] })).toThrow('shell.allow[1]');
  });
});

describe('a shell step that cannot run', () => {
  test.each<{ input: Json; place: string }>([
    { input: { command: [] }, place: 'with.command' },
    { input: { command: ['sh', 'a\0b'] }, place: 'with.command.1' },
    { input: { command: ['sh'], timeout: 3 }, place: 'timeout' },
    { input: { command: ['sh'], grace: 'soon' }, place: 'with.grace' },
    { input: 'sh', place: 'with' },
  ])('names the bad input: $place', async ({ input, place }) => {
    const error = errorOf(await run(input));
    expect(error).toMatchObject({ code: 'invalid_input', permanent: true });
    expect(error.message).toContain(place);
  });

  test('says that an argument list is too long', async () => {
    const error = errorOf(await run({ command: ['sh', '-c', 'true', 'x'.repeat(3_000_000)] }));
    expect(error).toMatchObject({ code: 'spawn_failed', permanent: true });
    expect(isJsonObject(error.details)).toBe(true);
  });

  test('is refused on Windows', async () => {
    const error = errorOf(await run(script('true'), { platform: 'win32' }));
    expect(error).toMatchObject({ code: 'unsupported_platform', permanent: true });
  });
});
