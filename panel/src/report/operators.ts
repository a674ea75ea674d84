import type { ColumnInfo } from '../api/catalogue'
import type { Value } from '../api/document'
import { shift } from '../format/number'
import { show } from '../format/value'
import { instantOf, rfc3339 } from '../time/zone'
import type { Condition } from '../view/filter'

/** A way to compare a column's values, by its name in the API's filters. */
export interface Operator {
  name: string
  title: string
}

const EQUALITY: Operator[] = [
  { name: 'eq', title: 'is' },
  { name: 'ne', title: 'is not' },
]

const ORDER: Operator[] = [
  { name: 'gte', title: '≥' },
  { name: 'lte', title: '≤' },
  { name: 'gt', title: '>' },
  { name: 'lt', title: '<' },
]

const TEXT: Operator[] = [
  { name: 'contains', title: 'contains' },
  { name: 'startsWith', title: 'begins with' },
  { name: 'endsWith', title: 'ends with' },
]

const NULL: Operator = { name: 'isNull', title: 'has a value' }

type Compared = Pick<ColumnInfo, 'type' | 'format' | 'nullable' | 'title'>

/** The operators for a column; the first one is the usual one. */
export function operatorsOf(column: Compared): Operator[] {
  const nulls = column.nullable ? [NULL] : []
  if (column.type === 'Boolean') return [{ name: 'eq', title: 'is' }, ...nulls]
  if (column.type === 'String') return [...TEXT, ...EQUALITY, ...nulls]
  return [...ORDER, ...EQUALITY, ...nulls]
}

const isChoice = (column: Compared, operator: string) => operator === 'isNull' || column.type === 'Boolean'

/** What a choice may be, with the words for it; null where the operand is typed in. */
export function choicesOf(column: Compared, operator: string): [string, string][] | null {
  if (!isChoice(column, operator)) return null
  return operator === 'isNull'
    ? [
        ['false', 'Yes'],
        ['true', 'No'],
      ]
    : [
        ['true', 'Yes'],
        ['false', 'No'],
      ]
}

const NUMBER = /^-?\d+(\.\d+)?$/
const CLOCK = /^(-?)(\d+):([0-5]\d)$/

/** A number as people write it, exact: `1,000`, `45.5 %` of a ratio, `1:30` of seconds. Null where it is none. */
function plain(text: string, column: Compared): string | null {
  const bare = text.trim().replaceAll(',', '')
  const percent = column.format === 'PERCENT'
  const digits = percent ? bare.replace(/\s*%$/, '') : bare
  const clock = column.format === 'DURATION' ? CLOCK.exec(digits) : null
  if (clock) return `${clock[1]}${Number(clock[2]) * 60 + Number(clock[3])}`
  if (!NUMBER.test(digits)) return null
  return percent ? shift(digits, -2) : digits
}

/** How an operand is to be written; shown in the field, and where it cannot be read. */
export function hintOf(column: Compared): string {
  if (column.format === 'PERCENT') return 'percent, as 45.5'
  if (column.format === 'DURATION') return 'seconds, or m:ss'
  if (column.format === 'MONEY') return 'amount, as 0.0125'
  if (column.format === 'MOMENT') return 'as 2025-11-03 14:30'
  return column.type === 'String' ? 'text' : column.type === 'BigInt' ? 'whole number' : 'number'
}

/** The operand that a text is, exact in the column's own type; undefined where it is none. */
export function readOperand(column: Compared, operator: string, text: string, zone: string): Value | undefined {
  if (isChoice(column, operator)) return text === 'true'
  if (column.type === 'String') return text
  if (column.type === 'DateTime') {
    const wall = text.trim().replace(' ', 'T')
    return /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/.test(wall)
      ? rfc3339(instantOf(wall.length === 10 ? `${wall}T00:00` : wall, zone))
      : undefined
  }
  const number = plain(text, column)
  if (number === null) return undefined
  if (column.type === 'Decimal') return number
  const value = Number(number)
  return column.type === 'BigInt' && !Number.isSafeInteger(value) ? undefined : value
}

/** An operand as it would be typed in. */
export function writeOperand(column: Compared, operand: Value): string {
  return column.format === 'PERCENT' && typeof operand === 'number' ? shift(String(operand), 2) : String(operand)
}

/** A condition in words. */
export function describe(column: ColumnInfo, condition: Condition): string {
  const parts = Object.entries(condition).map(([name, operand]) => {
    const title = operatorsOf({ ...column, nullable: true }).find((each) => each.name === name)?.title ?? name
    if (name === 'isNull') return operand === true ? 'has no value' : title
    const values = Array.isArray(operand) ? operand : [operand]
    return `${title} ${values.map((each) => show(column, each, null, 'UTC').text).join(', ')}`
  })
  return `${column.title} ${parts.join(' and ')}`
}
