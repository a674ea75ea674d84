// Asks by Apollo Client with its normalised cache: node apollo.js URL KEY DOCUMENT VARIABLES OTHER_VARIABLES
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { relayStylePagination } from "@apollo/client/utilities";

const [url, key, document, ...variables] = process.argv.slice(2);
const query = gql(document);
const cache = new InMemoryCache({
  typePolicies: { Query: { fields: { customersConnection: relayStylePagination() } } },
});
const link = new HttpLink({ uri: url, headers: { authorization: `Bearer ${key}` } });
const client = new ApolloClient({ cache, link });

const answers = [];
for (const given of variables) {
  answers.push((await client.query({ query, variables: JSON.parse(given) })).data);
}
const cached = [];
for (const given of variables) {
  cached.push((await client.query({ query, variables: JSON.parse(given), fetchPolicy: "cache-only" })).data);
}
// Another query for the same report gets its own fields, and the cache knows both as one object.
const totals = gql`
  query Totals($customer: ID!, $from: DateTime!, $to: DateTime!) {
    customReport(customer: $customer, type: USA_RATE_CENTER, from: $from, to: $to) {
      id
      ... on UsaRateCenterReport {
        totals {
          callCount
        }
      }
    }
  }
`;
await client.query({ query: totals, variables: JSON.parse(variables[0]) });
const objects = Object.keys(cache.extract()).filter((name) => name.startsWith("UsaRateCenterReport:"));

const page = gql`
  query Customers($after: String) {
    customersConnection(first: 2, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        cursor
        node {
          id
        }
      }
    }
  }
`;
let shown = (await client.query({ query: page })).data.customersConnection;
const customers = client.watchQuery({ query: page });
const watching = customers.subscribe({});
while (shown.pageInfo.hasNextPage) {
  await customers.fetchMore({ variables: { after: shown.pageInfo.endCursor } });
  shown = client.readQuery({ query: page }).customersConnection;
}
watching.unsubscribe();
console.log(JSON.stringify({ answers, cached, objects, customers: shown.edges.map((each) => each.node.id) }));
