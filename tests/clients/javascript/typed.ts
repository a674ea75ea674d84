// What the types are that graphql-codegen makes: `tsc` refuses this file where they are others.
import type { ReportQuery, ReportQueryVariables } from "./generated/graphql";

export const variables: ReportQueryVariables = { customer: "5001", from: "2025-11-03T00:00:00Z", to: "2025-11-04T00:00:00Z" };

export function largest(answer: ReportQuery): [string, number, string | null] | null {
  const report = answer.customReport;
  if (report?.__typename !== "UsaRateCenterReport") return null;
  const id: string = report.id;
  const through: string | null | undefined = report.dataThrough;
  const rows: unknown[] = report.table.rows;
  const row = report.rows[0];
  return row ? [row.rc + id + through + rows.length, row.callCount, row.totalCustomerCharge ?? null] : null;
}
// @ts-expect-error The range must be given.
export const lacking: ReportQueryVariables = { customer: "5001" };
