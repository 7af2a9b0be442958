import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataDirectories } from '../../src/adapters/system/data-directories.ts';
import { createPinoLogger } from '../../src/adapters/system/pino-logger.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'baton-log-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const records = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

describe('the log', () => {
  test('holds JSON lines from its level on, in order, in a file private to the user', async () => {
    const logger = createPinoLogger({ level: 'info', file: join(root, 'state', 'baton.log') });
    logger.debug({ a: 0 }, 'left out');
    logger.info({ a: 1 }, 'first');
    logger.warn({ a: 2 }, 'second');
    await logger.close();
    logger.error({ a: 3 }, 'after the end');
    const file = join(root, 'state', 'baton.1.log');
    expect(records(file)).toMatchObject([
      { level: 30, a: 1, msg: 'first' },
      { level: 40, a: 2, msg: 'second' },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'state')).mode & 0o777).toBe(0o700);
  });

  test('is made with the first message, not before', async () => {
    const logger = createPinoLogger({ level: 'warn', file: join(root, 'baton.log') });
    logger.info({}, 'below the level');
    await logger.close();
    expect(readdirSync(root)).toEqual([]);
  });

  test('goes on in the next file when one is full, and keeps five', async () => {
    for (const number of [1, 2, 3, 4, 5, 6])
      writeFileSync(join(root, `baton.${number}.log`), 'x'.repeat(number === 6 ? 10_485_700 : 1));
    const logger = createPinoLogger({ level: 'info', file: join(root, 'baton.log') });
    logger.info({ fill: 'x'.repeat(500) }, 'fills it');
    await logger.close();
    await expect
      .poll(() => readdirSync(root).sort())
      .toEqual([3, 4, 5, 6, 7].map((number) => `baton.${number}.log`));
  });

  test('falls back to standard error where the file cannot be written', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const { spawnSync } = await import('node:child_process');
    const module = new URL('../../src/adapters/system/pino-logger.ts', import.meta.url).href;
    const script = `import { createPinoLogger } from ${JSON.stringify(module)};
      const logger = createPinoLogger({ level: 'info', file: ${JSON.stringify(join(file, 'x.log'))} });
      logger.info({ a: 1 }, 'seen'); await logger.close();`;
    const args = ['--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ a: 1, msg: 'seen' });
  });
});

describe('dataDirectories', () => {
  test('follow XDG, else the home directory; relative values count as unset', () => {
    const environment = { XDG_DATA_HOME: '/d', XDG_STATE_HOME: './s' };
    expect(dataDirectories(environment, '/home/u', 'linux')).toEqual({
      data: '/d/baton',
      state: '/home/u/.local/state/baton',
      config: '/home/u/.config/baton',
    });
  });

  test('on Windows lie under the application data', () => {
    const environment = { LOCALAPPDATA: '/local', APPDATA: '/roaming' };
    expect(dataDirectories(environment, '/home/u', 'win32')).toEqual({
      data: '/local/baton',
      state: '/local/baton',
      config: '/roaming/baton',
    });
  });
});
