import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LOAD_LIMIT_MS, loadHandlers } from '../../src/handlers/third-party/load-handlers.ts';
import { HANDLER_BRAND } from '../../src/sdk/handler/handler-object.ts';
import { defineHandler } from '../../src/sdk/handler.ts';
import { createManualClock } from '../support/manual-clock.ts';

const directory = mkdtempSync(join(tmpdir(), 'baton-handlers-'));
afterAll(() => rmSync(directory, { recursive: true }));

const handler = (kind: string) => defineHandler({ kind, run: () => null });

type Modules = Record<string, () => unknown>;

/** Files of these names, whose modules are these; `missing.ts` is there never. */
function load(modules: Modules, clock = createManualClock()) {
  const files = Object.keys(modules).map((name) => join(directory, name));
  for (const file of files) if (!file.endsWith('missing.ts')) writeFileSync(file, '');
  const importModule = async (url: string): Promise<unknown> => modules[basename(url)]?.();
  return loadHandlers(files, { clock, importModule });
}

async function problemsOf(modules: Modules): Promise<string[]> {
  const { problems } = await load(modules);
  return problems.map(({ file, message }) => `${basename(file)}: ${message}`);
}

describe('loadHandlers', () => {
  test('takes handlers exported by default, by name and in lists, once each, by kind', async () => {
    const shared = handler('acme.shared');
    const { handlers, problems } = await load({
      'b.ts': () => ({ default: [handler('acme.z'), shared], shared, limit: 3 }),
      'a.ts': () => ({ deploy: handler('acme.deploy'), describe: () => '' }),
      'c.ts': () => ({ default: shared }),
    });
    expect(problems).toEqual([]);
    expect(handlers.map(({ handler: { kind }, file }) => [kind, basename(file)])).toEqual([
      ['acme.deploy', 'a.ts'],
      ['acme.shared', 'b.ts'],
      ['acme.z', 'b.ts'],
    ]);
  });

  test('loads a file that is named twice once', async () => {
    let times = 0;
    const file = join(directory, 'twice.ts');
    writeFileSync(file, '');
    const importModule = async () => ({ default: handler(`acme.n${(times += 1)}`) });
    const { handlers } = await loadHandlers([file, file], {
      clock: createManualClock(),
      importModule,
    });
    expect(handlers).toHaveLength(1);
  });

  test('tells each file that cannot be used, with the reason, and takes the others', async () => {
    const modules: Modules = {
      'missing.ts': () => ({}),
      'throws.ts': () => {
        throw new Error('boom');
      },
      'empty.ts': () => ({ limit: 3 }),
      'other.ts': () => ({ default: () => null }),
      'bare.ts': () => ({ deploy: { kind: 'acme.deploy', run: () => null } }),
      'fine.ts': () => ({ default: handler('acme.fine') }),
    };
    expect(await problemsOf(modules)).toEqual([
      'missing.ts: there is no such file',
      'throws.ts: cannot be loaded: Error: boom',
      'empty.ts: exports no handler made by defineHandler',
      'other.ts: its export "default" was not made by defineHandler',
      'bare.ts: its export "deploy" was not made by defineHandler',
    ]);
    expect((await load(modules)).handlers.map(({ handler: { kind } }) => kind)).toEqual([
      'acme.fine',
    ]);
  });

  test('refuses two handlers of one kind, naming both files', async () => {
    const [problem] = await problemsOf({
      'one.ts': () => ({ default: handler('acme.deploy') }),
      'two.ts': () => ({ default: handler('acme.deploy') }),
    });
    expect(problem).toMatch(/^two\.ts: defines "acme\.deploy", which .*one\.ts defines too$/);
  });

  test('refuses handlers of another version of the package, and what this one would not have made', async () => {
    const made = handler('acme.deploy');
    const problems = await problemsOf({
      'newer.ts': () => ({ default: { ...made, [HANDLER_BRAND]: 2 } }),
      'unsound.ts': () => ({ default: { ...made, declaration: { input: true } } }),
      'reserved.ts': () => ({ default: { ...made, kind: 'vector.search' } }),
    });
    expect(problems).toEqual([
      'newer.ts: the handler "acme.deploy" was made for another version of Baton',
      'unsound.ts: the handler "acme.deploy" declares what this Baton refuses',
      'reserved.ts: the handler "vector.search" declares what this Baton refuses',
    ]);
  });

  test('gives up a file that does not finish loading', async () => {
    const clock = createManualClock();
    const loading = load({ 'slow.ts': () => new Promise(() => undefined) }, clock);
    await clock.advance(LOAD_LIMIT_MS);
    expect((await loading).problems).toMatchObject([
      { message: `did not finish loading within ${LOAD_LIMIT_MS} ms` },
    ]);
  });
});
