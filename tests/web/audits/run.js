// Prints the outcome of each server audit of graphql-http as JSON: node run.js URL KEY
import { serverAudits } from "graphql-http";

const [url, key] = process.argv.slice(2);
const fetchFn = (input, options = {}) =>
  fetch(input, { ...options, headers: { ...options.headers, authorization: `Bearer ${key}` } });

const outcomes = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { status, reason } = await audit.fn();
  outcomes.push({ id: audit.id, name: audit.name, status, reason });
}
console.log(JSON.stringify(outcomes));
