import type { Value } from '../api/document'

/** What the values of one column must meet, by operator: `{gte: 5}`. */
export type Condition = Record<string, Value>

/** A filter in the API's own shape: conditions by column, and `and`, `or`, `not`. */
export type Filter = { [name: string]: Value }

const COMBINING = new Set(['and', 'or', 'not'])

export const isEmpty = (filter: Filter): boolean => Object.keys(filter).length === 0

/** The conditions of a filter by column, without what `and`, `or` and `not` combine. */
export function conditions(filter: Filter): [string, Condition][] {
  return Object.entries(filter).filter(([name]) => !COMBINING.has(name)) as [string, Condition][]
}

/** The parts of a filter that no single column has. */
export function combinations(filter: Filter): [string, Value][] {
  return Object.entries(filter).filter(([name]) => COMBINING.has(name))
}

/** The filter with another condition on one column, or with none. */
export function withCondition(filter: Filter, column: string, condition: Condition | null): Filter {
  const rest = Object.entries(filter).filter(([name]) => name !== column)
  return Object.fromEntries(condition ? [...rest, [column, condition]] : rest)
}
