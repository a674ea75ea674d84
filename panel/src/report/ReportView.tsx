import { lazy, Suspense, useState } from 'react'
import type { Asked, Row } from '../api/report'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'
import type { ViewState } from '../view/viewState'
import { CallsDialog } from './CallsDialog'
import { FilterChips } from './FilterChips'
import { ReportChart } from './ReportChart'
import { Toolbar } from './Toolbar'
import type { useReport } from './useReport'

const ReportTable = lazy(() => import('./ReportTable'))

interface Props {
  asked: Asked | null
  zone: string
  run: ReturnType<typeof useReport>
  pageSize: number
  onChange: (change: Partial<ViewState>) => void
}

/** What a generated report shows: chart, table, totals, and what can be done with them. */
export function ReportView({ asked, zone, run, pageSize, onChange }: Props) {
  const [opened, setOpened] = useState<{ row: Row; index: number } | null>(null)
  if (!asked) return <p className="hint">Choose a range and press Generate Report.</p>
  const { generated, outdated, error, running, cancelled } = run
  return (
    <section aria-label="Generated report">
      {cancelled && (
        <p className="notice" role="status">
          Cancelled. Press Generate Report to run it again.
        </p>
      )}
      {error && !running && (
        <Problem error={error} onRetry={run.again}>
          {generated && 'The table below is the former one.'}
        </Problem>
      )}
      <Toolbar asked={asked} zone={zone} pageSize={pageSize} onChange={onChange} />
      <FilterChips report={asked.report} where={asked.view.where} onChange={(where) => onChange({ where })} />
      {generated && (
        <div className={outdated ? 'outdated' : undefined} aria-busy={running}>
          {outdated && <p className="notice">Out of date: this is not yet what is configured above.</p>}
          <ReportChart asked={generated.asked} view={asked.view} zone={zone} at={generated.at} />
          <Suspense fallback={<Loading what="table" />}>
            <ReportTable
              generated={generated}
              view={asked.view}
              zone={zone}
              pageSize={pageSize}
              onChange={onChange}
              onOpen={(row, index) => setOpened({ row, index })}
            />
          </Suspense>
          {opened && (
            <CallsDialog
              asked={generated.asked}
              zone={zone}
              row={opened.row}
              index={opened.index}
              onClose={() => setOpened(null)}
            />
          )}
        </div>
      )}
    </section>
  )
}
