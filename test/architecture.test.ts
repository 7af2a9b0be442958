import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findViolations, readModule } from './support/architecture-rules.ts';

const ROOT = join(import.meta.dirname, '..');

test('every file keeps the rules of its layer, and no files load each other in a circle', () => {
  const paths = globSync('{src,tools,resources,prompts}/**/*.ts', { cwd: ROOT }).filter(
    (path) => !path.endsWith('.d.ts'),
  );
  expect(paths.length).toBeGreaterThan(100);
  const modules = paths.map((path) =>
    readModule(path.replaceAll('\\', '/'), readFileSync(join(ROOT, path), 'utf8')),
  );
  expect(findViolations(modules)).toEqual([]);
});

describe('the check itself', () => {
  const cases: [string, string, string][] = [
    ['src/domain/x.ts', `import '../ports/clock.ts'`, 'may not import src/ports/clock.ts'],
    ['src/domain/x.ts', `import { readFile } from 'node:fs'`, 'may not import readFile of node:fs'],
    ['src/domain/x.ts', `import { randomBytes, createHash } from 'node:crypto'`, 'randomBytes of'],
    ['src/domain/x.ts', `import * as c from 'node:crypto'`, 'may not import all of node:crypto'],
    ['src/domain/x.ts', `export * from '../adapters/a/b.ts'`, 'may not import src/adapters/a/b.ts'],
    ['src/domain/x.ts', `import type { A } from 'pino'`, 'may not import A of pino'],
    ['src/domain/x.ts', `type A = import('pino').Logger`, 'may not import all of pino'],
    ['src/domain/x.ts', `const a = Date.now()`, 'uses Date.now'],
    ['src/domain/x.ts', `const a = new Date()`, 'uses new Date()'],
    ['src/domain/x.ts', `const a = new Date`, 'uses new Date()'],
    ['src/application/x.ts', `const a = [1].map(() => Math.random())`, 'uses Math.random'],
    ['src/application/x.ts', `const a = Math['random']`, 'uses Math.random'],
    ['src/application/x.ts', `setTimeout(() => {}, 1)`, 'uses setTimeout'],
    ['src/application/x.ts', `const a = process.pid`, 'uses process.pid'],
    [
      'src/application/x.ts',
      `import { openSqliteStore } from '../adapters/sqlite/s.ts'`,
      'may not',
    ],
    [
      'src/application/x.ts',
      `const m = await import('../mcp/server.ts')`,
      'may not import src/mcp',
    ],
    ['src/adapters/a/x.ts', `import '../b/y.ts'`, 'may not import src/adapters/b/y.ts'],
    ['src/adapters/a/x.ts', `import '../../application/y.ts'`, 'may not import src/application/'],
    ['src/adapters/a/x.ts', `const a = process.env.HOME`, 'reads process.env'],
    ['src/adapters/a/x.ts', `const { env } = process`, 'reads process.env'],
    [
      'src/handlers/shell/x.ts',
      `import '../../adapters/system/y.ts'`,
      'may not import src/adapters',
    ],
    [
      'src/handlers/x.ts',
      `import { A } from '@modelcontextprotocol/server'`,
      'may not import A of',
    ],
    ['tools/x.ts', `import { A } from '@modelcontextprotocol/server'`, 'may not import A of'],
    ['tools/x.ts', `import '../src/composition.ts'`, 'may not import src/composition.ts'],
    ['resources/x.ts', `import '../src/adapters/a/b.ts'`, 'may not import src/adapters/a/b.ts'],
    ['prompts/x.ts', `import '../tools/y.ts'`, 'may not import tools/y.ts'],
    ['src/cli/x.ts', `import '../adapters/sqlite/sqlite-store.ts'`, 'may not import src/adapters'],
    ['src/cli/x.ts', `import '@modelcontextprotocol/server/stdio'`, 'may not import all of @model'],
    ['src/sdk/handler.ts', `import '../application/y.ts'`, 'may not import src/application/y.ts'],
    [
      'src/sdk/handler/x.ts',
      `import { readFile } from 'node:fs'`,
      'may not import readFile of node:fs',
    ],
    [
      'src/handlers/shell/x.ts',
      `import '../third-party/y.ts'`,
      'may not import src/handlers/third',
    ],
    ['src/elsewhere/x.ts', ``, 'belongs to no layer'],
  ];
  test.each(cases)('refuses in %s: %s', (path, text, message) => {
    const violations = findViolations([readModule(path, text)]);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(message);
  });

  test.each([
    ['src/domain/x.ts', `import { createHash } from 'node:crypto'; const a = new Date(5);`],
    ['src/domain/x.ts', `import { z } from 'zod'; import { plan } from '@bufbuild/cel/ext';`],
    ['src/domain/x.ts', `// Date.now() and process.env\nconst a = 'setTimeout(x)';`],
    ['src/adapters/a/x.ts', `import './y.ts'; import pino from 'pino'; setTimeout(() => {}, 1);`],
    ['src/config/x.ts', `const a = process.env.HOME;`],
    ['src/mcp/x.ts', `import { A } from '@modelcontextprotocol/server';`],
  ])('allows in %s: %s', (path, text) => {
    expect(findViolations([readModule(path, text)])).toEqual([]);
  });

  test('finds a circle of files that load each other; types draw no order', () => {
    const modules = [
      readModule('src/domain/a.ts', `import './b.ts'`),
      readModule('src/domain/b.ts', `import { C, type D } from './c.ts'`),
      readModule('src/domain/c.ts', `export { A } from './a.ts'`),
      readModule('src/domain/d.ts', `import './a.ts'`),
      readModule('src/domain/e.ts', `import type { F } from './f.ts'`),
      readModule('src/domain/f.ts', `import './e.ts'`),
    ];
    expect(findViolations(modules)).toEqual([
      'cycle: src/domain/a.ts -> src/domain/b.ts -> src/domain/c.ts -> src/domain/a.ts',
    ]);
  });
});
