import type { ViewState } from '../view/viewState'
import { isEmpty } from '../view/filter'
import type { Filter } from '../view/filter'
import { currencyColumn, isKey, keysOf } from './catalogue'
import type { ColumnInfo, ReportInfo } from './catalogue'
import { asRequest, asText, Constant, named } from './document'
import type { Argument, Field, Value } from './document'

/** A report that is asked for: whose, which, and the view with its range. */
export interface Asked {
  customer: string
  report: ReportInfo
  view: ViewState & { range: NonNullable<ViewState['range']> }
}

export type Row = Record<string, unknown>

export interface Page {
  rows: Row[]
}

export interface Result extends Page {
  rowCount: number
  /** Of all rows; not there where no filter is set, for then it is `rowCount`. */
  allRowCount?: number
  /** Not there where no shown column has a total. */
  totals?: Row
  dataThrough: string | null
}

export interface Top {
  rows: Row[]
  others: Row | null
  otherRowCount: number
}

export type Bucket = Row & { start: string; end: string; clipped: boolean }

export type Interval = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH'

/** Columns that are shown, in their order. Names that the report does not have are left out. */
export function shownColumns(report: ReportInfo, names: string[] | null): ColumnInfo[] {
  const known = names?.flatMap((name) => report.columns.filter((each) => each.name === name)) ?? []
  return known.length ? known : report.columns
}

/** What is fetched for columns: those, and the currencies of their money. */
function fetched(report: ReportInfo, columns: ColumnInfo[]): Field[] {
  const names = columns.flatMap((each) => [each.name, currencyColumn(report, each)?.name ?? each.name])
  return [...new Set(names)].map(named)
}

function given(value: Value | undefined, type: string): Argument | undefined {
  return value === undefined ? undefined : { type, value }
}

function argumentsOf(all: Record<string, Argument | undefined>): Record<string, Argument> {
  return Object.fromEntries(Object.entries(all).filter((each): each is [string, Argument] => each[1] !== undefined))
}

function parameters({ report, view }: Asked): Value | undefined {
  const set = report.parameters
    .filter((each) => view.parameters[each.name] !== undefined)
    .map((each): [string, Value] => {
      const value = view.parameters[each.name] as string
      return [each.name, each.values ? new Constant(value) : value]
    })
  return report.parametersField && set.length ? { [report.parametersField]: Object.fromEntries(set) } : undefined
}

const where = ({ report }: Asked, filter: Filter) =>
  given(isEmpty(filter) ? undefined : filter, `${report.typeName}Filter`)

function orderBy({ report, view }: Asked): Argument | undefined {
  const order = view.sort.flatMap(({ column, direction }): Value[] => {
    const info = report.columns.find((each) => each.name === column)
    return info ? [{ column: new Constant(info.constant), direction: new Constant(direction.toUpperCase()) }] : []
  })
  return given(order.length ? order : undefined, `[${report.typeName}Order!]`)
}

function customReport(asked: Asked, inner: Field[], outer: Field[] = []): Field[] {
  const { customer, report, view } = asked
  return [
    {
      name: 'customReport',
      arguments: argumentsOf({
        customer: given(customer, 'ID!'),
        type: given(new Constant(report.name), 'ReportType!'),
        from: given(view.range.from, 'DateTime!'),
        to: given(view.range.to, 'DateTime!'),
        parameters: given(parameters(asked), 'ReportParameters'),
        basis: given(view.basis === 'CALL' ? undefined : new Constant(view.basis), 'CountingBasis'),
      }),
      fields: [...outer, { on: `${report.typeName}Report`, fields: inner }],
    },
  ]
}

function rows(asked: Asked, first: number, offset: number, columns: ColumnInfo[]): Field {
  return {
    name: 'rows',
    arguments: argumentsOf({
      where: where(asked, asked.view.where),
      orderBy: orderBy(asked),
      first: given(first, 'Int'),
      offset: given(offset || undefined, 'Int'),
    }),
    fields: fetched(asked.report, columns),
  }
}

/** Rows, how many there are, and the totals of those that match. */
function view(asked: Asked, first: number): Field[] {
  const columns = shownColumns(asked.report, asked.view.columns)
  const filter = argumentsOf({ where: where(asked, asked.view.where) })
  const summed = columns.filter((each) => each.inTotals && !isKey(asked.report, each, asked.view.parameters))
  return customReport(
    asked,
    [
      rows(asked, first, 0, columns),
      { name: 'rowCount', arguments: filter },
      ...(isEmpty(asked.view.where) ? [] : [{ name: 'rowCount', alias: 'allRowCount' }]),
      ...(summed.length ? [{ name: 'totals', arguments: filter, fields: fetched(asked.report, summed) }] : []),
    ],
    [named('dataThrough')],
  )
}

export const viewRequest = (asked: Asked, first: number) => asRequest('Report', view(asked, first))

/** The query behind a view, ready to paste. */
export const viewText = (asked: Asked, first: number): string => asText(view(asked, first))

export const pageRequest = (asked: Asked, first: number, offset: number) =>
  asRequest('Page', customReport(asked, [rows(asked, first, offset, shownColumns(asked.report, asked.view.columns))]))

/** The keys of the row at a place, for a row some of whose keys are not shown. */
export const keysRequest = (asked: Asked, offset: number) =>
  asRequest('Keys', customReport(asked, [rows(asked, 1, offset, keysOf(asked.report, asked.view.parameters))]))

export function topRequest(asked: Asked, n: number, measure: ColumnInfo) {
  const keys = keysOf(asked.report, asked.view.parameters)
  const top: Field = {
    name: 'top',
    arguments: argumentsOf({
      n: given(n, 'Int!'),
      by: given(new Constant(measure.constant), `${asked.report.typeName}Measure!`),
      where: where(asked, asked.view.where),
    }),
    fields: [
      { name: 'rows', fields: fetched(asked.report, [...keys, measure]) },
      { name: 'others', fields: fetched(asked.report, [measure]) },
      named('otherRowCount'),
    ],
  }
  return asRequest('Top', customReport(asked, [top]))
}

export function timelineRequest(asked: Asked, every: Interval, zone: string, measure: ColumnInfo) {
  const timeline: Field = {
    name: 'timeline',
    arguments: argumentsOf({
      every: given(new Constant(every), 'Interval!'),
      timeZone: given(zone, 'String'),
      where: where(asked, asked.view.where),
    }),
    fields: [...['start', 'end', 'clipped'].map(named), ...fetched(asked.report, [measure])],
  }
  return asRequest('Timeline', customReport(asked, [timeline]))
}

/** A filter that one row alone meets: its keys. */
export function rowFilter(keys: ColumnInfo[], row: Row): Filter {
  return Object.fromEntries(
    keys.map(({ name }): [string, Value] => {
      const value = row[name] as Value
      return [name, value === null ? { isNull: true } : { eq: value }]
    }),
  )
}

/** A page of the calls behind the rows that match; with the first one, how many there are. */
export function callsRequest(asked: Asked, filter: Filter, columns: string[], first: number, after: string | null) {
  const matching = { where: where(asked, filter) }
  return asRequest(
    'Calls',
    customReport(asked, [
      {
        name: 'calls',
        arguments: argumentsOf({
          ...matching,
          first: given(first, 'Int'),
          after: given(after ?? undefined, 'String'),
        }),
        fields: columns.map(named),
      },
      ...(after === null ? [{ name: 'callCount', arguments: argumentsOf(matching) }] : []),
    ]),
  )
}
