import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { ReactNode } from 'react'
import { isLoggedOut } from '../api/failure'
import { viewerQuery } from '../api/queries'
import { Dialog } from './Dialog'
import { Loading } from './Loading'
import { LoginForm } from './LoginForm'
import { Problem } from './Problem'

/** Shows the log-in in place of the page, or over it where a session ends; the address stays as it is. */
export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const viewer = useQuery(viewerQuery)
  const [ended, setEnded] = useState(false)
  useEffect(
    () =>
      client.getQueryCache().subscribe((event) => {
        if (event.type === 'updated' && event.action.type === 'error' && isLoggedOut(event.action.error)) setEnded(true)
      }),
    [client],
  )
  const goOn = () => {
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
      {children}
      {ended && (
        <Dialog title="Your session has ended">
          <p>Log in to go on where you are.</p>
          <LoginForm onLoggedIn={goOn} />
        </Dialog>
      )}
    </>
  )
}
