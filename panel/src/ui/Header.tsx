import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'
import { viewerQuery } from '../api/queries'
import { logOut } from '../api/request'
import { Problem } from './Problem'
import { ThemeSwitch } from './ThemeSwitch'

export function Header() {
  const client = useQueryClient()
  const [path, navigate] = useLocation()
  const { data: viewer } = useQuery(viewerQuery)
  const leave = useMutation({
    mutationFn: logOut,
    onSuccess: () => {
      navigate('/login')
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== viewerQuery.queryKey[0] })
      void client.resetQueries({ queryKey: viewerQuery.queryKey })
    },
  })
  const current = (begin: string) => (path.startsWith(begin) ? 'page' : undefined)
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <span className="brand">Reports</span>
        <nav aria-label="Main">
          <Link href="/customers" aria-current={current('/customers')}>
            Customers
          </Link>
          <Link href="/graphiql" aria-current={current('/graphiql')}>
            GraphiQL
          </Link>
        </nav>
        <span className="grow" />
        <ThemeSwitch />
        <span className="who">
          {viewer?.name} <span className="muted">{viewer?.role.toLowerCase()}</span>
        </span>
        <button type="button" onClick={() => leave.mutate()} disabled={leave.isPending}>
          Log out
        </button>
      </header>
      {leave.isError && <Problem error={leave.error} onRetry={() => leave.mutate()} />}
    </>
  )
}
