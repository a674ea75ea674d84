import type { CatalogueQuery } from './types'

export type ReportInfo = CatalogueQuery['reportTypes'][number]
export type ColumnInfo = ReportInfo['columns'][number]
export type ParameterInfo = ReportInfo['parameters'][number]

export type ParameterValue = boolean | number | string
export type Parameters = Record<string, ParameterValue>

/** What a parameter is where nobody sets it; the catalogue tells it as a literal. */
export const usualValue = (parameter: ParameterInfo): ParameterValue =>
  parameter.values ? parameter.default : (JSON.parse(parameter.default) as ParameterValue)

export const valueOf = (parameter: ParameterInfo, given: Parameters): ParameterValue =>
  given[parameter.name] ?? usualValue(parameter)

/** Whether the rows have this column as a key under these parameters. */
export const isKey = (report: ReportInfo, column: ColumnInfo, given: Parameters): boolean => {
  const deciding = report.parameters.find((each) => each.name === column.keyWhen)
  return deciding ? valueOf(deciding, given) === true : column.kind === 'DIMENSION'
}

export const keysOf = (report: ReportInfo, given: Parameters): ColumnInfo[] =>
  report.columns.filter((column) => isKey(report, column, given))

export const currencyColumn = (report: ReportInfo, column: ColumnInfo): ColumnInfo | undefined =>
  column.format === 'MONEY' ? report.columns.find((each) => each.name === column.unit) : undefined
