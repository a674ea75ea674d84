// Asks by graphql-request: node graphql-request.js URL KEY DOCUMENT VARIABLES
import { GraphQLClient } from "graphql-request";

const [url, key, document, variables] = process.argv.slice(2);
const client = new GraphQLClient(url, { headers: { authorization: `Bearer ${key}` } });
const answer = await client.request(document, JSON.parse(variables));
const refused = await client
  .request(document, { ...JSON.parse(variables), customer: "nobody" })
  .catch((error) => error.response.errors[0].extensions.code);
const invalid = await client.request("{ no }").catch((error) => error.response.status);
console.log(JSON.stringify({ answer, refused, invalid }));
