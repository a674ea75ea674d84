/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = process.env.GQLREPORTS_URL ?? 'http://127.0.0.1:8000'
const key = process.env.GQLREPORTS_KEY
const proxied = { target: server, ...(key && { headers: { Authorization: `Bearer ${key}` } }) }

// GraphiQL's style sheet holds fonts as data: addresses; the panel has the system's fonts.
const noEmbeddedFonts = {
  postcssPlugin: 'no-embedded-fonts',
  AtRule: { 'font-face': (rule: { toString: () => string; remove: () => void }) => {
    if (rule.toString().includes('url(data:')) rule.remove()
  } },
}

export default defineConfig({
  plugins: [react()],
  css: { postcss: { plugins: [noEmbeddedFonts] } },
  build: {
    outDir: '../gqlreports/web/static',
    emptyOutDir: true,
    // The content-security policy allows no fonts or workers out of data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    // GraphiQL's packages tell React's compiler to leave files alone. There is no compiler here, so nothing is lost.
    rolldownOptions: {
      onLog: (level, log, show) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE' || !log.message.includes('"use no memo"')) show(level, log)
      },
    },
  },
  server: { proxy: { '/graphql': proxied, '/export': proxied, '/session': proxied } },
  test: { include: ['tests/**/*.test.ts'] },
})
