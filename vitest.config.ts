import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// `.ci/run` collects the reports of several runs and adds them up.
const results = process.env['BATON_TEST_RESULTS'];
const isLong = process.env['BATON_LONG'] === '1';

export default defineConfig({
  test: {
    include: isLong ? ['test/**/*.long.test.ts'] : ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(isLong ? [] : ['test/**/*.long.test.ts'])],
    testTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: results
      ? ['default', ['json', { outputFile: join(results, isLong ? 'long.json' : 'test.json') }]]
      : ['default'],
    coverage: {
      provider: 'v8',
      include: ['{src,tools,resources,prompts}/**/*.ts'],
      reporter: [['text', { skipFull: true }], 'text-summary'],
      thresholds: {
        'src/domain/**': { lines: 90 },
        'src/application/**': { lines: 90 },
        'src/adapters/{git,memory,sqlite,system}/**': { lines: 90 },
        // Its suites skip themselves where no redis-server is installed.
        ...(process.env['BATON_REQUIRE_REDIS'] === '1' && {
          'src/adapters/redis/**': { lines: 90 },
        }),
      },
    },
  },
});
