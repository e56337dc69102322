import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const backend = process.env["CUSTARD_DEV_BACKEND"] ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    // Inlined assets would need `data:` in the page's Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: backend }, "/health": { target: backend } },
  },
  // A hang limit: each takes milliseconds.
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
