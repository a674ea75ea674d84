import type { ColumnInfo } from '../api/catalogue'
import { wallTime } from '../time/zone'
import { count, duration, money, number, percent } from './number'

/** How a value is shown: its text, what more there is to say, and whether it stands for nothing. */
export interface Shown {
  text: string
  title?: string
  absent?: boolean
}

type Formatted = Pick<ColumnInfo, 'format' | 'unit' | 'kind' | 'formula'>

function absent(column: Formatted): Shown {
  if (column.format === 'MONEY' && column.kind === 'MEASURE') {
    return { text: '— several currencies', title: 'No sum: these charges are in several currencies', absent: true }
  }
  const why = column.formula ? `No value: ${column.formula}` : 'No value'
  return { text: '—', title: why, absent: true }
}

export function moment(value: string, zone: string): Shown {
  const instant = Date.parse(value)
  const shown = wallTime(instant, zone).replace('T', ' ')
  return { text: shown, title: `${value} (shown in ${zone})` }
}

/** A value of a report's row as people read it. `currency` is that of the row, `zone` the one of moments. */
export function show(column: Formatted, value: unknown, currency: unknown, zone: string): Shown {
  if (value === null || value === undefined) return absent(column)
  if (value === '') return { text: '(empty)', title: 'The key is empty', absent: true }
  const unit = column.unit ? `${String(value)} ${column.unit}` : String(value)
  switch (column.format) {
    case 'PERCENT':
      return { text: percent(Number(value)), title: String(value) }
    case 'DURATION':
      return { text: duration(value as string), title: unit }
    case 'MONEY':
      return {
        text: currency ? `${money(String(value))} ${String(currency)}` : money(String(value)),
        title: `${String(value)} ${currency ? String(currency) : ''}`.trim(),
      }
    case 'INTEGER':
      return { text: column.kind === 'DIMENSION' ? String(value) : count(Number(value)), title: unit }
    case 'NUMBER':
      return { text: number(Number(value)), title: unit }
    case 'BOOLEAN':
      return { text: value === true ? 'Yes' : 'No' }
    case 'MOMENT':
      return moment(String(value), zone)
    case 'TEXT':
      return { text: String(value) }
  }
}

/** Units that say more than the format does already. */
export function unitOf(column: Formatted): string | null {
  const told = column.format === 'INTEGER' || column.format === 'NUMBER'
  return told ? column.unit : null
}
