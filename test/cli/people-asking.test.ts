import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { CliFailure } from '../../src/cli/cli-failure.ts';
import { Invocation } from '../../src/cli/cli.ts';
import { createDesk } from '../../src/cli/desk.ts';
import { identifyPerson, type Seat } from '../../src/cli/identify-person.ts';
import { createInterruption } from '../../src/cli/interruption.ts';
import { maskKeys } from '../../src/cli/mask-keys.ts';
import { readKeyFile } from '../../src/cli/read-key-file.ts';
import { quotedLines, visibleLine, visibleText } from '../../src/application/runs/visible-text.ts';
import { createWorkbench, valueOf } from '../application/workbench.ts';

const directory = mkdtempSync(join(tmpdir(), 'baton-people-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

class Tty extends PassThrough {
  readonly isTTY: boolean;
  constructor(isTTY = true) {
    super();
    this.isTTY = isTTY;
  }
  text(): string {
    return String(this.read() ?? '');
  }
}

function seat(...isTTY: boolean[]): Seat & { readonly stdin: Tty; readonly stderr: Tty } {
  const [stdin, stdout, stderr] = [new Tty(isTTY[0]), new Tty(isTTY[1]), new Tty(isTTY[2])];
  return { stdin, stdout, stderr, userName: () => 'anna' };
}

async function failureOf(body: () => unknown): Promise<CliFailure['report']> {
  try {
    await body();
  } catch (error) {
    if (error instanceof CliFailure) return error.report;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('the desk', () => {
  test('answers the word that was typed, spaces around it aside', async () => {
    const at = seat();
    const asked = createDesk(at).confirm('choose it', ['staging', 'the real thing']);
    at.stdin.write('  the real thing \n');
    expect(await asked).toBe('the real thing');
    expect(at.stderr.text()).toBe(
      'Type staging or the real thing to choose it; Enter alone leaves it as it is: ',
    );
  });

  test('takes no other spelling, beginning or order of words', async () => {
    for (const typed of ['Approve\nAPPROVE\nappro\n', 'y\nyes\nok\n', '\n', 'no\n\napprove\n']) {
      const at = seat();
      at.stdin.end(typed);
      const report = await failureOf(() => createDesk(at).confirm('approve it', ['approve']));
      expect(report).toMatchObject({ code: 'not_confirmed', changed: 'nothing', exitCode: 4 });
    }
  });

  test('takes the end of input for a no', async () => {
    const at = seat();
    at.stdin.end();
    const report = await failureOf(() => createDesk(at).confirm('approve it', ['approve']));
    expect(report.code).toBe('not_confirmed');
  });

  test('asks for a choice with hidden characters by what it shows of it', async () => {
    const at = seat();
    const asked = createDesk(at).confirm('choose it', ['yes', 'yes\u200b']);
    at.stdin.write(`${String.raw`yes\u{200b}`}\n`);
    expect(await asked).toBe('yes\u200b');
  });
});

describe('identifyPerson', () => {
  function invocation(args: readonly string[], operatorKey?: string): Invocation {
    const command = new Command('approve').option('--key-file <path>');
    command.parse([...args], { from: 'user' });
    const surroundings = { cwd: directory, home: directory, environment: {}, operatorKey };
    return new Invocation(
      { surroundings, interruption: createInterruption(), version: '0' },
      command,
    );
  }

  /** As much of a process as verifying needs. */
  async function verified(given: Invocation, at: Seat, bench = createWorkbench()) {
    const { application, ports, store } = bench;
    const identification = identifyPerson(given, at);
    const baton = { application, ports, store, queues: [] } as never; // no log, nothing to close
    const person = await identification.verify(baton);
    return { person, isAsked: identification.desk !== undefined };
  }

  test('takes who sits at a terminal', async () => {
    const { person, isAsked } = await verified(invocation([]), seat());
    expect(person).toEqual({ name: 'anna', via: 'terminal' });
    expect(isAsked).toBe(true);
  });

  test.each([
    ['input', [false, true, true]],
    ['output', [true, false, true]],
    ['error', [true, true, false]],
  ])('does not, where standard %s is none', async (_, isTTY) => {
    const report = await failureOf(() => identifyPerson(invocation([]), seat(...isTTY)));
    expect(report).toMatchObject({ code: 'person_required', exitCode: 4, changed: 'nothing' });
  });

  test('does not, where the system has no name for the user', async () => {
    const nobody = { ...seat(), userName: () => undefined };
    expect(await failureOf(() => identifyPerson(invocation([]), nobody))).toMatchObject({
      code: 'nameless_user',
      exitCode: 2,
    });
  });

  test('takes the owner of a key, from the file before the environment', async () => {
    const bench = createWorkbench();
    const create = async (name: string) =>
      valueOf(await bench.application.createKey(bench.context, { name })).key;
    const [bert, carl] = [await create('bert'), await create('carl')];
    writeFileSync(join(directory, 'bert'), `${bert}\nsecond line\n`, { mode: 0o600 });
    const pipes = seat(false, false, false);
    const from = (args: string[], key?: string) => verified(invocation(args, key), pipes, bench);
    expect(await from(['--key-file', 'bert'], carl)).toEqual({
      person: { name: 'bert', via: 'operator_key' },
      isAsked: false,
    });
    expect((await from([], ` ${carl}\n`)).person.name).toBe('carl');
    const report = await failureOf(() => from([], 'bok_wrong'));
    expect(report.message).toContain('BATON_OPERATOR_KEY');
    expect(report.message).not.toContain('bok_wrong');
    expect((await failureOf(() => from([], ' '))).code).toBe('person_required');
  });

  test('does not fall back to the terminal where a key is wrong', async () => {
    const report = await failureOf(() => verified(invocation([], 'bok_wrong'), seat()));
    expect(report.code).toBe('operator_key_refused');
  });
});

describe('a key file', () => {
  const key = `bok_${'k'.repeat(43)}`;
  const file = (name: string, text: string, mode: string): string => {
    writeFileSync(join(directory, name), text);
    chmodSync(join(directory, name), Number.parseInt(mode, 8));
    return name;
  };

  test.each(['600', '400', '700'])('of its owner alone is read (mode %s)', (mode) => {
    expect(readKeyFile(file(`own-${mode}`, `${key}\n`, mode), directory)).toBe(key);
  });

  test.each(['640', '604', '660', '602', '610'])(
    'that others have a right to is not (mode %s)',
    async (mode) => {
      const report = await failureOf(() => readKeyFile(file('open', key, mode), directory));
      expect(report).toMatchObject({ code: 'key_file_not_private', exitCode: 4 });
      expect(report.next).toContain('chmod 600');
      expect(JSON.stringify(report)).not.toContain(key);
    },
  );

  test('that is empty, missing or a directory is told as such', async () => {
    mkdirSync(join(directory, 'sub'));
    const read = (name: string) => failureOf(() => readKeyFile(name, directory));
    expect((await read(file('empty', '\n', '600'))).message).toContain('holds no key');
    expect((await read('missing')).exitCode).toBe(3);
    expect((await read('sub')).message).toContain('is a directory');
  });
});

describe('text of others', () => {
  test('shows what would move, colour, reorder or hide', () => {
    expect(visibleText('a\u001b[31mb\u009bc\u202ed\u200be\u2028f\ud800g\u{e0041}\r')).toBe(
      String.raw`a\u{1b}[31mb\u{9b}c\u{202e}d\u{200b}e\u{2028}f\u{d800}g\u{e0041}\u{d}`,
    );
  });

  test('keeps letters, emoji, line ends and tabs', () => {
    expect(visibleText('Größe 部署 👍\r\n\tzwei')).toBe('Größe 部署 👍\n\tzwei');
  });

  test('stands behind a bar, so that it cannot pass for Baton’s own', () => {
    const forged = 'Fine.\nYou answer as root.\nType approve to leave it';
    expect(quotedLines(forged, 1_000).every((line) => line.startsWith('  │ '))).toBe(true);
    expect(quotedLines('x'.repeat(12), 10).at(-1)).toBe('  (and 2 characters more)');
  });

  test('is cut and put on one line in tables', () => {
    expect(visibleLine('a\n b\t c', 4)).toBe('a b…');
  });

  test('has its keys masked in errors', () => {
    const key = `bok_${'Ab-_9'.repeat(8)}xyz`;
    expect(maskKeys(`no "${key}", nor ${key}.`)).toBe('no "bok_…", nor bok_….');
  });
});
