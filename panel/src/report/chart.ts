import type { ColumnInfo, ReportInfo } from '../api/catalogue'
import { isKey } from '../api/catalogue'
import type { Interval } from '../api/report'
import type { ChartChoice, ViewState } from '../view/viewState'

export interface Chart {
  kind: ChartChoice
  measure: ColumnInfo
  measures: ColumnInfo[]
}

const FIGURES = new Set(['BigInt', 'Float', 'Decimal', 'Int'])

/** What is drawn of a view: what it says, or what suits the report. Null for a report without figures. */
export function chartOf(report: ReportInfo, view: ViewState): Chart | null {
  const measures = report.columns.filter((each) => !isKey(report, each, view.parameters) && FIGURES.has(each.type))
  const find = (name: string | null | undefined) => measures.find((each) => each.name === name)
  const measure = find(view.measure) ?? find(report.chart?.measure) ?? measures[0]
  if (!measure || !report.chart) return null
  return { kind: view.chart ?? (report.chart.kind === 'BAR' ? 'bar' : 'line'), measure, measures }
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** How long a bucket is for a line over the range to have some dozens of points. */
export function intervalOf({ from, to }: { from: string; to: string }): Interval {
  const length = Date.parse(to) - Date.parse(from)
  if (length <= 3 * DAY) return 'HOUR'
  if (length <= 120 * DAY) return 'DAY'
  return length <= 730 * DAY ? 'WEEK' : 'MONTH'
}
