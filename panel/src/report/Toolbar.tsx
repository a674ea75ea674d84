import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { exportAddress, FORMATS } from '../api/export'
import type { Format } from '../api/export'
import type { Asked } from '../api/report'
import { shownColumns, viewText } from '../api/report'
import { checkExport } from '../api/request'
import { Menu } from '../ui/Menu'
import { Problem } from '../ui/Problem'
import type { ChartChoice, ViewState } from '../view/viewState'
import { ColumnChooser } from './ColumnChooser'
import { CopyDialog } from './CopyDialog'
import { chartOf } from './chart'

interface Props {
  asked: Asked
  zone: string
  pageSize: number
  onChange: (change: Partial<ViewState>) => void
}

const CHARTS: Record<ChartChoice, string> = { bar: 'Top 10', line: 'Over time', none: 'No chart' }

function download(address: string): void {
  const link = document.createElement('a')
  link.href = address
  link.download = ''
  link.click()
}

export function Toolbar({ asked, zone, pageSize, onChange }: Props) {
  const [copied, setCopied] = useState(false)
  const fetchFile = useMutation({
    mutationFn: async (format: Format) => {
      const address = exportAddress(asked, zone, format)
      await checkExport(address)
      download(address)
    },
  })
  const { report, view } = asked
  const shown = shownColumns(report, view.columns).map((each) => each.name)
  const chart = chartOf(report, view)
  return (
    <>
      <div className="toolbar" role="group" aria-label="View">
        {chart && (
          <>
            <select
              aria-label="Chart"
              value={chart.kind}
              onChange={(event) => onChange({ chart: event.target.value as ChartChoice })}
            >
              {Object.entries(CHARTS).map(([name, title]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
            {chart.kind !== 'none' && (
              <select
                aria-label="Measure"
                value={chart.measure.name}
                onChange={(event) => onChange({ measure: event.target.value })}
              >
                {chart.measures.map((each) => (
                  <option key={each.name} value={each.name}>
                    {each.title}
                  </option>
                ))}
              </select>
            )}
          </>
        )}
        <span className="grow" />
        <Menu label="Columns">
          {() => (
            <ColumnChooser columns={report.columns} shown={shown} onChange={(columns) => onChange({ columns })} />
          )}
        </Menu>
        <Menu label="Export" disabled={fetchFile.isPending}>
          {(close) =>
            (Object.keys(FORMATS) as Format[]).map((format) => (
              <button
                key={format}
                type="button"
                className="quiet"
                onClick={() => {
                  close()
                  fetchFile.mutate(format)
                }}
              >
                {FORMATS[format]}
              </button>
            ))
          }
        </Menu>
        <button type="button" onClick={() => setCopied(true)}>
          Copy as GraphQL
        </button>
      </div>
      {fetchFile.isError && <Problem error={fetchFile.error}>Nothing was exported.</Problem>}
      {copied && <CopyDialog text={viewText(asked, pageSize)} onClose={() => setCopied(false)} />}
    </>
  )
}
