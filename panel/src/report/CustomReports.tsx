import { useQuery } from '@tanstack/react-query'
import { useId, useMemo, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import type { ReportInfo } from '../api/catalogue'
import { viewerQuery } from '../api/queries'
import type { Asked } from '../api/report'
import { ownZone } from '../time/zone'
import { readView, writeView } from '../view/viewState'
import type { ViewState } from '../view/viewState'
import { draftOf } from './draft'
import { ReportForm } from './ReportForm'
import { ReportView } from './ReportView'
import { useReport } from './useReport'

interface Props {
  customer: string
  reports: ReportInfo[]
  type: string | null
}

const PAGE_SIZE = 200

export function CustomReports({ customer, reports, type }: Props) {
  const [, navigate] = useLocation()
  const search = useSearch()
  const { view, unread } = useMemo(() => readView(new URLSearchParams(search)), [search])
  const zone = view.zone ?? ownZone()
  const report = reports.find((each) => each.name === type) ?? null
  const rowsPerPage = useQuery(viewerQuery).data?.limits.rowsPerPage ?? PAGE_SIZE
  const pageSize = Math.min(PAGE_SIZE, rowsPerPage)

  const [now, setNow] = useState(Date.now)
  const [draft, setDraft] = useState(() => draftOf(view, zone, now))
  const asForm = JSON.stringify([type, view.range, zone, view.basis, view.parameters])
  const [formOf, setFormOf] = useState(asForm)
  if (formOf !== asForm) {
    setFormOf(asForm)
    // Another report without a range: the range that was last in the form is kept.
    setDraft(view.range ? draftOf(view, zone, now) : { ...draft, basis: view.basis, parameters: view.parameters })
  }

  const asked = useMemo<Asked | null>(
    () => (report && view.range ? { customer, report, view: { ...view, range: view.range } } : null),
    [customer, report, view],
  )
  const run = useReport(asked, pageSize)
  const address = (name: string) => `/customers/${encodeURIComponent(customer)}/reports/${encodeURIComponent(name)}`
  const go = (change: Partial<ViewState>) => {
    const next = writeView({ ...view, ...change })
    // The table tells a change of its filters more than once.
    if (report && next !== window.location.search.slice(1)) navigate(`${address(report.name)}?${next}`)
  }
  const id = useId()
  return (
    <>
      <div className="chooser">
        <label htmlFor={id}>Report</label>
        <select
          id={id}
          value={report?.name ?? ''}
          onChange={(event) => navigate(`${address(event.target.value)}?zone=${encodeURIComponent(draft.zone)}`)}
        >
          {!report && <option value="">Choose a report</option>}
          {reports.map((each) => (
            <option key={each.name} value={each.name}>
              {each.title}
            </option>
          ))}
        </select>
        <p className="muted">{report?.description}</p>
      </div>
      {!report && type !== null && (
        <p className="notice problem" role="alert">
          There is no report “{type}”, or your log-in does not see it. Choose another one.
        </p>
      )}
      {!report && (
        <ul className="catalogue">
          {reports.map((each) => (
            <li key={each.name}>
              <Link href={address(each.name)}>{each.title}</Link> <span className="muted">{each.description}</span>
            </li>
          ))}
        </ul>
      )}
      {unread.length > 0 && (
        <p className="notice problem" role="alert">
          The address has parts that cannot be read, and they were left out: {unread.join(', ')}. Set them again below.
        </p>
      )}
      {report && (
        <ReportForm
          report={report}
          draft={draft}
          running={run.running}
          now={now}
          onChange={(changed) => {
            setNow(Date.now())
            setDraft(changed)
          }}
          onCancel={run.cancel}
          onGenerate={(range) => {
            const next = { ...view, range, zone: draft.zone, basis: draft.basis, parameters: draft.parameters }
            if (asked && writeView(next) === writeView(view)) run.again()
            else go(next)
          }}
        />
      )}
      {report && <ReportView asked={asked} zone={zone} run={run} pageSize={pageSize} onChange={go} />}
    </>
  )
}
