import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Fragment, useEffect, useState } from 'react'
import type { ReactNode } from 'react'
import { isLoggedOut } from '../api/failure'
import { currentViewer, viewerQuery } from '../api/queries'
import { Dialog } from './Dialog'
import { Loading } from './Loading'
import { LoginForm } from './LoginForm'
import { Problem } from './Problem'

/** Shows the log-in in place of the page, or over it where a session ends; the address stays as it is. */
export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const viewer = useQuery(viewerQuery)
  const [ended, setEnded] = useState(false)
  useEffect(() => {
    const look = ({ action }: { action: { type: string; error?: unknown } }) => {
      if (action.type === 'error' && isLoggedOut(action.error)) setEnded(true)
    }
    const leave = [
      client.getQueryCache().subscribe((event) => event.type === 'updated' && look(event)),
      client.getMutationCache().subscribe((event) => event.type === 'updated' && look(event)),
    ]
    return () => leave.forEach((each) => each())
  }, [client])
  const goOn = async () => {
    const now = await currentViewer()
    // Whoever logs in sees nothing that another user had asked for.
    if (now.name !== viewer.data?.name) client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'viewer' })
    client.setQueryData(viewerQuery.queryKey, now)
    setEnded(false)
    client.removeQueries({ type: 'inactive' })
    void client.invalidateQueries()
  }
  if (viewer.isPending) return <Loading what="panel" />
  if (viewer.data === undefined && !isLoggedOut(viewer.error)) {
    return <Problem error={viewer.error} onRetry={() => void viewer.refetch()} />
  }
  if (viewer.data === undefined) {
    return (
      <main className="login-page">
        <h1>Reports</h1>
        <LoginForm onLoggedIn={goOn} />
      </main>
    )
  }
  return (
    <>
      <Fragment key={viewer.data.name}>{children}</Fragment>
      {ended && (
        <Dialog title="Your session has ended">
          <p>Log in to go on where you are.</p>
          <LoginForm onLoggedIn={goOn} />
        </Dialog>
      )}
    </>
  )
}
