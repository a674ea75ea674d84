import type { ColDef } from 'ag-grid-community'
import type { ColumnInfo, ReportInfo } from '../api/catalogue'
import { currencyColumn } from '../api/catalogue'
import type { Row } from '../api/report'
import { show, unitOf } from '../format/value'
import type { Shown } from '../format/value'
import type { ViewState } from '../view/viewState'
import { ColumnFilter } from './ColumnFilter'

interface Context {
  report: ReportInfo
  column: ColumnInfo
  keys: ColumnInfo[]
  shown: ColumnInfo[]
  view: ViewState
  zone: string
}

const WIDTHS: Record<ColumnInfo['format'], number> = {
  TEXT: 150,
  BOOLEAN: 90,
  INTEGER: 145,
  NUMBER: 130,
  PERCENT: 105,
  DURATION: 115,
  MONEY: 190,
  MOMENT: 180,
}

const isText = (column: ColumnInfo) => column.format === 'TEXT' || column.format === 'BOOLEAN'

function titleOf(column: ColumnInfo): string {
  const unit = unitOf(column)
  return unit && unit.toLowerCase() !== column.title.toLowerCase() ? `${column.title} (${unit})` : column.title
}

/** A column of the table as the catalogue tells it. */
export function columnDefinition({ report, column, keys, shown, view, zone }: Context): ColDef<Row> {
  const currency = currencyColumn(report, column)
  const summed = column.inTotals && !keys.includes(column)
  const label = shown.find((each) => !each.inTotals || keys.includes(each)) ?? shown[0]
  const sortIndex = view.sort.findIndex((each) => each.column === column.name)
  const cell = (row: Row | undefined, pinned: boolean): Shown => {
    if (!row) return { text: '' }
    if (!pinned || summed) return show(column, row[column.name], currency && row[currency.name], zone)
    return { text: column === label ? 'Totals' : '' }
  }
  return {
    colId: column.name,
    headerName: titleOf(column),
    headerTooltip: column.formula ? `${column.description}: ${column.formula}` : column.description,
    valueGetter: ({ data, node }) => cell(data, node?.rowPinned === 'bottom').text,
    tooltipValueGetter: ({ data, node }) => cell(data, node?.rowPinned === 'bottom').title,
    cellClassRules: {
      absent: ({ data, node }) => cell(data, node.rowPinned === 'bottom').absent === true,
      figure: () => !isText(column),
    },
    headerClass: isText(column) ? '' : 'ag-right-aligned-header',
    initialWidth: WIDTHS[column.format],
    minWidth: 70,
    wrapHeaderText: true,
    ...(isText(column) && { initialFlex: 1, minWidth: 130 }),
    sortable: true,
    sort: view.sort[sortIndex]?.direction ?? null,
    sortIndex: sortIndex < 0 ? null : sortIndex,
    filter: ColumnFilter,
    filterParams: { info: column, zone },
    resizable: true,
  }
}
