// Writes src/api/types.ts from schema.graphql (what `gqlreports sdl` prints) and the panel's own operations;
// with --check it only says whether that file is current.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { codegen } from '@graphql-codegen/core'
import * as operations from '@graphql-codegen/typescript-operations'
import { parse } from 'graphql'

const TARGET = 'src/api/types.ts'
const read = (path) => readFileSync(path, 'utf8')
const documents = readdirSync('src/api')
  .filter((name) => name.endsWith('.graphql'))
  .map((name) => ({ location: name, document: parse(read(`src/api/${name}`)) }))

const options = {
  onlyOperationTypes: true,
  enumsAsTypes: true,
  skipTypename: true,
  useTypeImports: true,
  scalars: { ID: 'string', BigInt: 'number', Decimal: 'string', DateTime: 'string' },
}
const text = await codegen({
  filename: TARGET,
  schema: parse(read('schema.graphql')),
  documents,
  config: {},
  plugins: [{ operations: options }],
  pluginMap: { operations },
})

if (!process.argv.includes('--check')) writeFileSync(TARGET, text)
else if (read(TARGET) !== text) {
  console.error(`${TARGET} is not what schema.graphql says: run npm run types.`)
  process.exit(1)
}
