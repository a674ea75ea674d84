import js from '@eslint/js'
import accessibility from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import { defineConfig, globalIgnores } from 'eslint/config'
import typescript from 'typescript-eslint'

export default defineConfig(
  globalIgnores(['src/api/types.ts']),
  js.configs.recommended,
  typescript.configs.recommended,
  accessibility.flatConfigs.recommended,
  hooks.configs.flat['recommended-latest'],
  { files: ['scripts/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly' } } },
)
