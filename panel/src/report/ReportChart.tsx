import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { graphql } from '../api/request'
import type { Asked, Bucket, Top } from '../api/report'
import { timelineRequest, topRequest } from '../api/report'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'
import type { ViewState } from '../view/viewState'
import { Bars } from './Bars'
import { chartOf, intervalOf } from './chart'

const Line = lazy(() => import('./Line'))

const LARGEST = 10

interface Props {
  asked: Asked
  /** What is configured: which chart, of which measure. */
  view: ViewState
  zone: string
  /** When the report was generated: a chart is as old as its table. */
  at: number
}

export function ReportChart({ asked, view, zone, at }: Props) {
  const chart = chartOf(asked.report, view)
  const kind = chart?.kind ?? 'none'
  const request =
    !chart || kind === 'none'
      ? null
      : kind === 'bar'
        ? topRequest(asked, LARGEST, chart.measure)
        : timelineRequest(asked, intervalOf(asked.view.range), zone, chart.measure)
  const query = useQuery({
    queryKey: ['chart', request, at],
    enabled: request !== null,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      if (!request) throw new Error('nothing is drawn')
      const answer = await graphql<{ customReport: { top?: Top; timeline?: Bucket[] } }>(request, signal)
      return answer.customReport
    },
  })
  if (!chart || kind === 'none') return null
  if (query.isError) return <Problem error={query.error} onRetry={() => void query.refetch()} />
  return (
    <figure className="chart" aria-busy={query.isFetching}>
      <figcaption>
        {chart.measure.title} {kind === 'bar' ? `of the ${LARGEST} largest and all others` : 'over time'}
      </figcaption>
      {!query.data && <Loading what="chart" />}
      {query.data?.top && <Bars asked={asked} top={query.data.top} measure={chart.measure} zone={zone} />}
      {query.data?.timeline && (
        <Suspense fallback={<Loading what="chart" />}>
          <Line buckets={query.data.timeline} measure={chart.measure} report={asked.report} zone={zone} />
        </Suspense>
      )}
    </figure>
  )
}
