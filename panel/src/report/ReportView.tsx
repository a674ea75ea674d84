import { lazy, Suspense, useState } from 'react'
import type { Asked, Row } from '../api/report'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'
import type { ViewState } from '../view/viewState'
import { CallsDialog } from './CallsDialog'
import { FilterChips } from './FilterChips'
import { ReportChart } from './ReportChart'
import { Toolbar } from './Toolbar'
import type { Generated, useReport } from './useReport'

const ReportTable = lazy(() => import('./ReportTable'))

interface Props {
  asked: Asked | null
  zone: string
  run: ReturnType<typeof useReport>
  pageSize: number
  onChange: (change: Partial<ViewState>) => void
}

/** The answer to show: the last one, but a former one of the report while `waits`. */
function useShown(generated: Generated | null, waits: boolean): Generated | null {
  const [shown, setShown] = useState(generated)
  const stays = waits && shown !== null && shown.asked.report === generated?.asked.report
  if (!stays && shown !== generated) setShown(generated)
  return shown
}

/** What a generated report shows: chart, table, totals, and what can be done with them. */
export function ReportView({ asked, zone, run, pageSize, onChange }: Props) {
  const [opened, setOpened] = useState<{ row: Row; index: number } | null>(null)
  const [filtering, setFiltering] = useState(false)
  // The grid closes the form of a filter when its columns are set anew, so an answer waits until the filter is written.
  const generated = useShown(run.generated, filtering)
  if (!asked) return <p className="hint">Choose a range and press Generate Report.</p>
  const { error, running, cancelled } = run
  const outdated = run.outdated || generated !== run.generated
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
              onFiltering={setFiltering}
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
