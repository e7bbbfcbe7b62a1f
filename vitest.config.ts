import { defineConfig } from "vitest/config";

export default defineConfig({
  // What is transformed is kept between runs: most of what a run of few files takes.
  test: {
    experimental: { fsModuleCache: true },
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/long/**", "node_modules/**"],
    testTimeout: 60_000,
    pool: "threads",
    maxWorkers: 2,
  },
});
