// A GraphQL server as one writes it for Node: mercurius with graphql-jit, and @clickhouse/client.
// CLICKHOUSE is the store's URL, STATEMENT the file with the report's SQL, PORT where to listen.
import { readFileSync } from 'node:fs'
import { createClient } from '@clickhouse/client'
import Fastify from 'fastify'
import { GraphQLScalarType } from 'graphql'
import mercurius from 'mercurius'

const { CLICKHOUSE, STATEMENT, PORT } = process.env
const query = readFileSync(STATEMENT, 'utf8')
const store = createClient({
  url: CLICKHOUSE,
  clickhouse_settings: {
    session_timezone: 'UTC',
    wait_end_of_query: 1,
    output_format_json_quote_64bit_integers: 0,
    output_format_json_quote_decimals: 1
  }
})

const schema = `
  scalar DateTime
  type NumberRow {
    number: String!
    attempts: Float!
    connected: Float!
    asr: Float
    talkTime: String!
  }
  type Query {
    numbers(customer: ID!, start: DateTime!, end: DateTime!, first: Int!): [NumberRow!]!
  }
`

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime' }),
  Query: {
    async numbers (_, { customer, start, end, first }) {
      const values = { table: 'cdr', customer, from: Date.parse(start), to: Date.parse(end), first, offset: 0 }
      const answer = await store.query({ query, query_params: values, format: 'JSONEachRow' })
      return answer.json()
    }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, jit: 1 })
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
