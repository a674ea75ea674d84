// What relay-compiler reads.
import { graphql } from "relay-runtime";

export const query = graphql`
  query appQuery($customer: ID!, $from: DateTime!, $to: DateTime!) {
    customer(id: $customer) {
      ...app_customer
    }
    customReport(customer: $customer, type: USA_RATE_CENTER, from: $from, to: $to) {
      id
      customer {
        name
      }
      ...app_report @alias(as: "report")
    }
    ...app_customers
  }
`;
export const customer = graphql`
  fragment app_customer on Customer @refetchable(queryName: "appCustomerQuery") {
    id
    name
    currency
  }
`;
export const report = graphql`
  fragment app_report on UsaRateCenterReport
  @refetchable(queryName: "appReportQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 5 }) {
    id
    rows(first: $first, orderBy: [{ column: CALL_COUNT, direction: DESC }]) {
      prefix
      rc
      callCount
      totalCustomerCharge
    }
    rowCount
  }
`;
export const customers = graphql`
  fragment app_customers on Query
  @refetchable(queryName: "appCustomersQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" }) {
    customersConnection(first: $first, after: $after) @connection(key: "app_customersConnection") {
      edges {
        node {
          id
        }
      }
    }
  }
`;
