import { defineConfig } from "vitest/config";

/** What takes too long for every day: `npm run test:long`. */
export default defineConfig({
  // As in vitest.config.ts.
  test: {
    experimental: { fsModuleCache: true },
    include: ["tests/long/**/*.test.ts"],
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
    pool: "threads",
    maxWorkers: 2,
  },
});
