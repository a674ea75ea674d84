// Composes subgraphs as Apollo does: node compose.js NAME FILE [NAME FILE]..., and prints the supergraph or the errors.
import { readFileSync } from "node:fs";
import composition from "@apollo/composition";
import { parse } from "graphql";

const given = process.argv.slice(2);
const services = [];
for (let place = 0; place < given.length; place += 2) {
  const typeDefs = parse(readFileSync(given[place + 1], "utf8"));
  services.push({ name: given[place], url: `http://${given[place]}.example/graphql`, typeDefs });
}
const { errors = [], supergraphSdl } = composition.composeServices(services);
console.log(JSON.stringify({ errors: errors.map((each) => each.message), supergraph: supergraphSdl ?? null }));
