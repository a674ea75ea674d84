import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'wouter'
import { customersPage } from '../api/queries'
import { Breadcrumb } from '../ui/Breadcrumb'
import { Loading } from '../ui/Loading'
import { Problem } from '../ui/Problem'

const PAGE = 100

export function CustomersPage() {
  const [searchParams, setSearchParams] = useSearchParams()
  const search = searchParams.get('search') ?? ''
  const customers = useInfiniteQuery({
    queryKey: ['customers', search],
    queryFn: ({ signal, pageParam }) => customersPage({ search: search || null, first: PAGE, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
    placeholderData: keepPreviousData,
  })
  const found = customers.data?.pages.flat()
  return (
    <div className="page">
      <Breadcrumb steps={[{ text: 'Management' }, { text: 'Customers' }]} />
      <h1>Customers</h1>
      <label className="search">
        Search
        <input
          type="search"
          placeholder="Name or id"
          value={search}
          onChange={(event) =>
            setSearchParams(event.target.value ? { search: event.target.value } : {}, { replace: true })
          }
        />
      </label>
      {customers.isError && <Problem error={customers.error} onRetry={() => void customers.refetch()} />}
      {customers.isPending && <Loading what="customers" />}
      {found && (
        <table className="list" aria-label="Customers" aria-busy={customers.isPlaceholderData}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Id</th>
              <th scope="col">Currency</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ id, name, currency }) => (
              <tr key={id}>
                <td>
                  <Link href={`/customers/${encodeURIComponent(id)}`}>{name}</Link>
                </td>
                <td>{id}</td>
                <td>{currency}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found?.length === 0 && <p role="status">No customer’s name or id has “{search}” in it.</p>}
      {customers.hasNextPage && (
        <button type="button" onClick={() => void customers.fetchNextPage()} disabled={customers.isFetchingNextPage}>
          Show more
        </button>
      )}
    </div>
  )
}
