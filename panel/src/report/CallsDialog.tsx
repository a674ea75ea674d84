import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { keysOf } from '../api/catalogue'
import { callColumnsQuery, viewerQuery } from '../api/queries'
import type { Asked, Row } from '../api/report'
import { callsRequest, keysRequest, rowFilter } from '../api/report'
import { graphql } from '../api/request'
import { count } from '../format/number'
import { moment, show } from '../format/value'
import { words } from '../format/words'
import { Dialog } from '../ui/Dialog'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'

interface Props {
  asked: Asked
  zone: string
  row: Row
  /** Place of the row in the view's order. */
  index: number
  onClose: () => void
}

type Call = Row & { cursor: string }
type Calls = { calls: Call[]; callCount?: number }

const PAGE = 100

function cell(value: unknown, type: string, zone: string): string {
  if (value === null || value === undefined) return '—'
  if (type === 'DateTime') return moment(String(value), zone).text
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  return String(value)
}

/** The row with all of its keys: those of them that are not shown are asked for by its place. */
function useKeys(asked: Asked, row: Row, index: number) {
  const keys = keysOf(asked.report, asked.view.parameters)
  const missing = keys.some((key) => row[key.name] === undefined)
  const request = keysRequest(asked, index)
  return useQuery({
    queryKey: ['keys', request, row],
    queryFn: async ({ signal }) => {
      if (!missing) return rowFilter(keys, row)
      const answer = await graphql<{ customReport: { rows: Row[] } }>(request, signal)
      return rowFilter(keys, answer.customReport.rows[0] ?? row)
    },
  })
}

export function CallsDialog({ asked, zone, row, index, onClose }: Props) {
  const keys = useKeys(asked, row, index)
  const columns = useQuery(callColumnsQuery)
  const first = Math.min(PAGE, useQuery(viewerQuery).data?.limits.callsPerPage ?? PAGE)
  const names = columns.data?.map((each) => each.name) ?? []
  const calls = useInfiniteQuery({
    queryKey: ['calls', asked.customer, asked.report.name, asked.view, keys.data, names],
    enabled: keys.data !== undefined && names.length > 0,
    initialPageParam: null as string | null,
    queryFn: async ({ signal, pageParam }) => {
      const request = callsRequest(asked, keys.data ?? {}, names, first, pageParam)
      return (await graphql<{ customReport: Calls }>(request, signal)).customReport
    },
    getNextPageParam: ({ calls: page }) => (page.length < first ? undefined : page.at(-1)?.cursor),
  })
  const failed = [keys, columns, calls].find((each) => each.isError)
  const shown = columns.data?.filter((each) => each.name !== 'cursor') ?? []
  const rows = calls.data?.pages.flatMap((page) => page.calls)
  const total = calls.data?.pages[0]?.callCount
  const title = keysOf(asked.report, asked.view.parameters)
    .filter((key) => row[key.name] !== undefined)
    .map((key) => `${key.title} ${show(key, row[key.name], null, zone).text}`)
    .join(' · ')
  return (
    <Dialog title={`Calls · ${title}`} onClose={onClose} className="drawer">
      {failed && <Problem error={failed.error} onRetry={() => void failed.refetch()} />}
      {!failed && !rows && <Loading what="calls" />}
      {rows && total !== undefined && (
        <>
          <p role="status">
            {count(rows.length)} of {count(total)} call detail records; times in {zone}
          </p>
          {/* A region that scrolls must be reachable by keyboard. */}
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <div className="scrolling" role="region" aria-label="Calls" tabIndex={0}>
            <table className="list">
              <thead>
                <tr>
                  {shown.map(({ name, description }) => (
                    <th key={name} scope="col" title={description}>
                      {words(name)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((call) => (
                  <tr key={call.cursor}>
                    {shown.map(({ name, type }) => (
                      <td key={name}>{cell(call[name], type, zone)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {calls.hasNextPage && (
            <button type="button" onClick={() => void calls.fetchNextPage()} disabled={calls.isFetchingNextPage}>
              Show more calls
            </button>
          )}
        </>
      )}
    </Dialog>
  )
}
