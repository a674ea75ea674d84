import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { AgGridReact } from 'ag-grid-react'
import type { ColDef, GridApi, IDatasource } from 'ag-grid-community'
import { keysOf } from '../api/catalogue'
import { isCancelled } from '../api/failure'
import type { Row } from '../api/report'
import { pageRequest, shownColumns } from '../api/report'
import { graphql } from '../api/request'
import { count } from '../format/number'
import { Problem } from '../ui/Problem'
import { conditions } from '../view/filter'
import type { Condition } from '../view/filter'
import type { ViewState } from '../view/viewState'
import { columnDefinition } from './columns'
import { GRID_MODULES, GRID_THEME, GRID_WORDS } from './grid'
import type { Generated } from './useReport'

interface Props {
  generated: Generated
  /** What is configured; its order and filters are shown in the head of the table. */
  view: ViewState
  zone: string
  pageSize: number
  onChange: (change: Partial<ViewState>) => void
  /** Whether the form of a filter is open. */
  onFiltering: (open: boolean) => void
  onOpen: (row: Row, index: number) => void
}

const ROW_HEIGHT = 28
const HEAD_HEIGHT = 46
const SCROLL_BAR = 18

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Rows by place: the first ones are there, the others are fetched as they come into view. */
function useDatasource(generated: Generated, pageSize: number, onError: (error: unknown) => void): IDatasource {
  const client = useQueryClient()
  return useMemo(() => {
    const { asked, result, at } = generated
    const queryKeys: unknown[][] = []
    return {
      rowCount: result.rowCount,
      getRows: ({ startRow, successCallback, failCallback }) => {
        if (startRow === 0) return successCallback(result.rows, result.rowCount)
        const request = pageRequest(asked, pageSize, startRow)
        const queryKey = ['page', at, request]
        queryKeys.push(queryKey)
        client
          .fetchQuery({
            queryKey,
            staleTime: Infinity,
            queryFn: async ({ signal }) =>
              (await graphql<{ customReport: { rows: Row[] } }>(request, signal)).customReport.rows,
          })
          .then((rows) => successCallback(rows, result.rowCount))
          .catch((error: unknown) => {
            failCallback()
            if (!isCancelled(error)) onError(error)
          })
      },
      destroy: () => queryKeys.forEach((queryKey) => void client.cancelQueries({ queryKey })),
    }
  }, [client, generated, pageSize, onError])
}

export default function ReportTable({ generated, view, zone, pageSize, onChange, onFiltering, onOpen }: Props) {
  const { asked, result } = generated
  const { report } = asked
  const grid = useRef<AgGridReact<Row>>(null)
  const [failure, setFailure] = useState<unknown>(null)
  const datasource = useDatasource(generated, pageSize, setFailure)
  const shown = useMemo(() => shownColumns(report, asked.view.columns), [report, asked])
  const keys = useMemo(() => keysOf(report, asked.view.parameters), [report, asked])
  const columns = useMemo<ColDef<Row>[]>(
    () => shown.map((column) => columnDefinition({ report, column, keys, shown, view, zone })),
    [report, shown, keys, view, zone],
  )
  const totals = useMemo(() => [result.totals ?? {}], [result])

  const showFilters = useCallback(
    (api: GridApi<Row>) => {
      const here = conditions(view.where).filter(([name]) => shown.some((each) => each.name === name))
      const model = Object.fromEntries(here)
      if (!same(model, api.getFilterModel())) api.setFilterModel(model)
    },
    [view.where, shown],
  )
  useEffect(() => {
    if (grid.current?.api) showFilters(grid.current.api)
  }, [showFilters, columns])

  useEffect(() => () => onFiltering(false), [onFiltering])

  const sorted = (api: GridApi<Row>) => {
    const sort = api
      .getColumnState()
      .filter((each) => each.sort)
      .sort((one, other) => (one.sortIndex ?? 0) - (other.sortIndex ?? 0))
      .map((each) => ({ column: each.colId, direction: each.sort as 'asc' | 'desc' }))
    if (!same(sort, view.sort)) onChange({ sort })
  }
  const filtered = (api: GridApi<Row>) => {
    const model = api.getFilterModel() as Record<string, Condition>
    const here = new Set(shown.map((each) => each.name))
    const others = Object.entries(view.where).filter(([name]) => !here.has(name))
    const where = { ...Object.fromEntries(others), ...model }
    if (!same(Object.entries(where).sort(), Object.entries(view.where).sort())) onChange({ where })
  }
  const moved = (api: GridApi<Row>) => {
    const order = api.getAllDisplayedColumns().map((column) => column.getColId())
    if (!same(order, shown.map((each) => each.name))) onChange({ columns: order })
  }
  const open = (row: Row | undefined, index: number | null) => {
    if (report.listsCalls && row && index !== null) onOpen(row, index)
  }
  const height = HEAD_HEIGHT + SCROLL_BAR + (Math.max(result.rowCount, 3) + 1) * ROW_HEIGHT
  return (
    <>
      {failure !== null && (
        <Problem
          error={failure}
          onRetry={() => {
            setFailure(null)
            grid.current?.api.refreshInfiniteCache()
          }}
        >
          Some rows of the table are missing.
        </Problem>
      )}
      <div className="table" style={{ blockSize: `min(${height}px, max(26rem, 100dvh - 17rem))` }}>
        <AgGridReact<Row>
          ref={grid}
          modules={GRID_MODULES}
          theme={GRID_THEME}
          rowModelType="infinite"
          datasource={datasource}
          cacheBlockSize={pageSize}
          maxBlocksInCache={50}
          maxConcurrentDatasourceRequests={2}
          blockLoadDebounceMillis={80}
          columnDefs={columns}
          pinnedBottomRowData={totals}
          rowHeight={ROW_HEIGHT}
          headerHeight={HEAD_HEIGHT}
          tooltipShowDelay={400}
          alwaysShowVerticalScroll
          localeText={GRID_WORDS}
          popupParent={document.body}
          rowClass={report.listsCalls ? 'opens' : ''}
          onGridReady={({ api }) => showFilters(api)}
          onSortChanged={({ api, source }) => source !== 'api' && source !== 'gridOptionsChanged' && sorted(api)}
          onColumnMenuVisibleChanged={({ visible }) => onFiltering(visible)}
          onFilterChanged={({ api, source }) => source !== 'api' && filtered(api)}
          onColumnMoved={({ api, finished, source }) => finished && source === 'uiColumnMoved' && moved(api)}
          onRowClicked={({ data, rowIndex, rowPinned }) => !rowPinned && open(data, rowIndex)}
          onCellKeyDown={({ event, data, rowIndex, rowPinned }) => {
            if ((event as KeyboardEvent).key === 'Enter' && !rowPinned) open(data, rowIndex)
          }}
        />
      </div>
      <p className="foot">
        <span>
          Rows {count(result.rowCount)} / Total Rows {count(result.allRowCount ?? result.rowCount)}
        </span>
        {report.listsCalls && <span className="muted">Click a row, or press Enter on it, to see its calls.</span>}
      </p>
    </>
  )
}
