import { defineConfig } from 'vitest/config';

// Real processes, real sockets, one test at a time; against the builds, as users have them.
export default defineConfig({
  test: {
    include: ['packages/**/*.e2e.test.ts', 'apps/**/*.e2e.test.ts', 'scripts/**/*.e2e.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
