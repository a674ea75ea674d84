// Asks by urql: node urql.js URL KEY DOCUMENT VARIABLES
import { Client, cacheExchange, fetchExchange } from "@urql/core";

const [url, key, document, variables] = process.argv.slice(2);
const client = new Client({
  url,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers: { authorization: `Bearer ${key}` } },
  preferGetMethod: false,
});
const given = JSON.parse(variables);
const { data: answer, error } = await client.query(document, given);
if (error) throw error;
const again = await client.query(document, given, { requestPolicy: "cache-only" });
const refused = await client.query(document, { ...given, customer: "nobody" });
console.log(
  JSON.stringify({ answer, cached: again.data, refused: refused.error.graphQLErrors[0].extensions.code }),
);
