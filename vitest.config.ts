import { defineConfig } from 'vitest/config';

// Tests run against the sources of our packages, not their builds.
const conditions = ['ostraca-source', 'node', 'import', 'module', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['packages/**/src/**/*.test.ts', 'apps/**/src/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: ['**/*.e2e.test.ts', '**/node_modules/**', '**/dist/**'],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
