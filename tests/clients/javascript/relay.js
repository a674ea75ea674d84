// Asks by Relay, with what its compiler made of src/app.js: node relay.js URL KEY VARIABLES
import runtime from "relay-runtime";
import query from "./src/generated/appQuery.graphql.js";
import customerQuery from "./src/generated/appCustomerQuery.graphql.js";
import reportQuery from "./src/generated/appReportQuery.graphql.js";
import customersQuery from "./src/generated/appCustomersQuery.graphql.js";
import customerFragment from "./src/generated/app_customer.graphql.js";
import reportFragment from "./src/generated/app_report.graphql.js";
import customersFragment from "./src/generated/app_customers.graphql.js";

const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery, getSelector } = runtime;
const [url, key, given] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
const ask = async ({ text }, variables) =>
  (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) })).json();
const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });

const variables = JSON.parse(given);
const operation = createOperationDescriptor(query, variables);
const kept = [environment.retain(operation)];
const shown = () => environment.lookup(operation.fragment).data;
const read = (fragment, reference) => environment.lookup(getSelector(fragment, reference)).data;
const refetched = async (refetch, given) => {
  kept.push(environment.retain(createOperationDescriptor(refetch, given)));
  return fetchQuery(environment, refetch, given).toPromise();
};

await fetchQuery(environment, query, variables).toPromise();
const before = {
  customer: read(customerFragment, shown().customer),
  report: read(reportFragment, shown().customReport.report),
};
await refetched(customerQuery, { id: before.customer.id });
await refetched(reportQuery, { id: before.report.id, first: 5 });
const after = {
  customer: read(customerFragment, shown().customer),
  report: read(reportFragment, shown().customReport.report),
};
let list = read(customersFragment, shown()).customersConnection;
const pages = [list.edges.length];
while (list.pageInfo.hasNextPage) {
  await refetched(customersQuery, { first: 2, after: list.pageInfo.endCursor });
  list = read(customersFragment, shown()).customersConnection;
  pages.push(list.edges.length);
}
console.log(JSON.stringify({ before, after, pages, customers: list.edges.map((each) => each.node.id) }));
